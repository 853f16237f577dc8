"""Checks by the heartbeats whether a process of a role is alive on a host."""

from collections.abc import Iterable

from bridge.ledger.heartbeats import Heartbeat, Role


class NoLiveProcess(Exception):
    """No process of the role is alive; the text says what was found instead."""


def check_heartbeats(heartbeats: Iterable[Heartbeat], role: Role, host: str) -> str:
    """Describe the live processes and the last beat. Raises `NoLiveProcess`.

    One live process is enough: the host's name may have belonged to a previous container, whose
    killed processes left their heartbeats behind.
    """
    ours = [beat for beat in heartbeats if (beat.process.role, beat.process.host) == (role, host)]
    if not ours:
        raise NoLiveProcess(f"{role}: no heartbeat of host {host} in Redis")
    latest = min(ours, key=lambda beat: beat.age_seconds)
    if not latest.is_alive:
        raise NoLiveProcess(
            f"{role}: process {latest.process.pid} of host {host} beat last "
            f"{latest.age_seconds:.0f} s ago, allowed are {latest.process.limit_seconds} s"
        )
    alive = sum(beat.is_alive for beat in ours)
    return f"{role}: {alive} alive on host {host}, last heartbeat {latest.age_seconds:.0f} s ago"
