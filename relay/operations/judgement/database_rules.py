"""The rules about the database. Pure."""

from relay.operations.judgement.causes import Cause
from relay.operations.judgement.facts import Facts
from relay.operations.judgement.found import Found, breaker_of, recent_of, since_of
from runtime.dependencies import Dependency

_UNMIGRATED = "database_unmigrated"
_LOCKED, _LEAST_LOCKED = "not_settled:database_busy", 5
_IS_OVER_SECONDS = 15.0
"""Where a lock lasts, attempts fail on it every few seconds: what it stops is put back."""


def database(facts: Facts) -> Found | None:
    """Find that the database fails."""
    opened = breaker_of(facts, Dependency.DATABASE)
    if facts.database is None and opened is None:
        return None
    says = facts.database.says if facts.database else opened.code if opened else "no answer"
    fault = facts.database
    since = since_of(opened) if opened else fault.since if fault else None
    return Found(Cause.DATABASE_AWAY, f"PostgreSQL ({facts.database_at}) fails: {says}", since)


def unmigrated(facts: Facts) -> Found | None:
    """Find that the database lacks migrations."""
    opened = breaker_of(facts, Dependency.CONFIGURATION, _UNMIGRATED)
    if not facts.unmigrated and opened is None:
        return None
    names = ", ".join(facts.unmigrated[:3]) or "the workers miss a table or a column"
    what = f"PostgreSQL ({facts.database_at}) lacks {len(facts.unmigrated) or ''} migrations"
    since = opened.since_ms / 1000 if opened else None
    return Found(Cause.DATABASE_UNMIGRATED, f"{what.replace('  ', ' ')}: {names}", since)


def locked(facts: Facts) -> Found | None:
    """Find that somebody holds a lock that every mail needs, now."""
    recent = recent_of(facts)
    if recent is None:
        return None
    locked = recent.total(_LOCKED)
    if locked < _LEAST_LOCKED or locked < recent.settled:
        return None
    minutes = recent.minutes_with(_LOCKED)
    if facts.now - (minutes[-1] + 1) * 60 > _IS_OVER_SECONDS:
        return None
    what = f"PostgreSQL ({facts.database_at}) has locked rows or tables that every mail needs"
    return Found(Cause.DATABASE_LOCKED, what, minutes[0] * 60.0)
