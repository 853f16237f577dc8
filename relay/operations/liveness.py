"""Judges heartbeats: does a process of this role, on this host, live?"""

from collections.abc import Iterable

from bridge.ledger.heartbeats import Heartbeat, Role


class Unhealthy(Exception):
    """No process of the role lives; the text says what was found instead."""


def check_heartbeats(heartbeats: Iterable[Heartbeat], role: Role, host: str) -> str:
    """Say that one lives, and when it beat last. Raises `Unhealthy`.

    One that lives is enough: a host's name may be that of the container before this one, whose
    processes were killed and have left their heartbeats.
    """
    ours = [beat for beat in heartbeats if (beat.process.role, beat.process.host) == (role, host)]
    if not ours:
        raise Unhealthy(f"{role}: no heartbeat of host {host} in Redis")
    latest = min(ours, key=lambda beat: beat.age_seconds)
    if not latest.is_alive:
        raise Unhealthy(
            f"{role}: process {latest.process.pid} of host {host} beat last "
            f"{latest.age_seconds:.0f} s ago, allowed are {latest.process.limit_seconds} s"
        )
    alive = sum(beat.is_alive for beat in ours)
    return f"{role}: {alive} alive on host {host}, last heartbeat {latest.age_seconds:.0f} s ago"
