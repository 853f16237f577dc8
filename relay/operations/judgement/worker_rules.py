"""The rules about what workers make of mail. Pure."""

from bridge.ledger.heartbeats import Role
from relay.operations.judgement.backlog import WORDS, Part, find_backlog
from relay.operations.judgement.causes import Cause
from relay.operations.judgement.facts import Facts
from relay.operations.judgement.found import (
    MINUTES_OF_FAILURE,
    NO_PROGRESS_SECONDS,
    Found,
    ranked,
    recent_of,
    share_of,
)

_TOO_SLOW_SECONDS = 300
_DEAD_SHARE = 0.05


def attempts_fail(facts: Facts) -> Found | None:
    """Find that most attempts fail."""
    recent = recent_of(facts)
    if recent is None:
        return None
    minutes = [one for one in recent.each() if one.failed > one.settled]
    if len(minutes) < MINUTES_OF_FAILURE:
        return None
    share = recent.failed / (recent.failed + recent.settled)
    reasons = ", ".join(f"{name} {number} times" for name, number in ranked(recent, "not_settled"))
    what = f"{share:.0%} of the last minutes' attempts failed ({reasons})"
    return Found(Cause.ATTEMPTS_FAIL, what, minutes[0].first_minute * 60.0)


def dead_letters(facts: Facts) -> Found | None:
    """Find that many messages are dead-lettered."""
    return share_of(facts, Cause.MANY_DEAD_LETTERS, "failed", _DEAD_SHARE, "were dead-lettered")


def nothing_settled(facts: Facts) -> Found | None:
    """Find that the workers finish nothing."""
    if not facts.alive(Role.WORKER) or (facts.waiting_seconds or 0) < NO_PROGRESS_SECONDS:
        return None
    recent = recent_of(facts, 1 + NO_PROGRESS_SECONDS // 60)
    if recent is None or recent.settled or recent.total("not_settled", "paced"):
        return None
    what = "The workers finish nothing"
    return Found(Cause.NOTHING_SETTLED, what, facts.now - (facts.waiting_seconds or 0))


def too_slow(facts: Facts) -> Found | None:
    """Find that mail waits too long for a worker."""
    seconds = facts.waiting_seconds or 0
    if seconds < _TOO_SLOW_SECONDS:
        return None
    backlog = find_backlog(facts)
    is_limited = backlog is not None and backlog.limited_by not in (Part.WORKERS, Part.NOTHING)
    by = f"; the limit is {WORDS[backlog.limited_by]}" if backlog and is_limited else ""
    return Found(Cause.WORKERS_TOO_SLOW, f"Mail waits for a free worker{by}", facts.now - seconds)
