"""The rules about processes, and about what operators ordered of them. Pure."""

from bridge.ledger.heartbeats import Role
from relay.operations.judgement.causes import Cause
from relay.operations.judgement.facts import Facts
from relay.operations.judgement.found import Found, Rule

_GAUGES_SECONDS = 300


def no_process(role: Role, cause: Cause) -> Rule:
    """Return the rule that finds that no process of a role is alive."""

    def rule(facts: Facts) -> Found | None:
        if facts.alive(role) != 0:
            return None
        silent = facts.silent(role)
        if silent:
            latest = min(silent, key=lambda beat: beat.age_seconds)
            where = f"{latest.process.host}, process {latest.process.pid}"
            since = facts.now - latest.age_seconds
            return Found(cause, f"No {role} is alive; the last was {where}", since)
        return Found(cause, f"No {role} is alive", facts.last_seen.get(role))

    return rule


def silent(facts: Facts) -> Found | None:
    """Find a process that was killed or hangs."""
    found = [beat for beat in facts.heartbeats or () if not beat.is_alive]
    if not found:
        return None
    beat = max(found, key=lambda one: one.age_seconds)
    process = beat.process
    what = f"A {process.role} fell silent: {process.host}, process {process.pid}"
    return Found(Cause.PROCESS_SILENT, what, facts.now - beat.age_seconds)


def two_schedulers(facts: Facts) -> Found | None:
    """Find that there is more than one scheduler."""
    number = facts.alive(Role.SCHEDULER) or 0
    return Found(Cause.TWO_SCHEDULERS, f"{number} schedulers are alive") if number > 1 else None


def gauges(facts: Facts) -> Found | None:
    """Find that gauges are not published any more."""
    age = facts.gauges_age
    if age is None or age < _GAUGES_SECONDS:
        return None
    return Found(Cause.GAUGES_STAND_STILL, "No gauges were published", facts.now - age)


def paused(facts: Facts) -> Found | None:
    """Find that an operator pauses receiving or sending."""
    order = facts.pause
    if order is None:
        return None
    what = f"{order.what.capitalize()}, by order of {order.by}: {order.why}"
    return Found(Cause.PAUSED, what, order.since_ms / 1000)
