"""The rules about Redis. Pure."""

from relay.operations.judgement.causes import Cause
from relay.operations.judgement.facts import Facts, Failing
from relay.operations.judgement.found import Found

_MEMORY_LOOK = 0.75
_NEARLY_FULL = 0.9
"""At this share bridges stop receiving: `bridge.ledger.room`."""
_SAMPLES_SECONDS = 150


def redis(facts: Facts) -> Found | None:
    """Find that Redis fails, or is nearly full."""
    fault = facts.redis
    if fault is None:
        if facts.redis_memory is None or facts.redis_memory < _MEMORY_LOOK:
            return None
        what = f"Redis ({facts.redis_at}) uses {facts.redis_memory:.0%} of its memory"
        is_full = facts.redis_memory >= _NEARLY_FULL
        return Found(Cause.REDIS_FULL if is_full else Cause.REDIS_NEARLY_FULL, what)
    cause, what = {
        Failing.AWAY: (Cause.REDIS_AWAY, "can't be reached"),
        Failing.FULL: (Cause.REDIS_FULL, "is full"),
        Failing.READ_ONLY: (Cause.REDIS_READ_ONLY, "is a read-only replica"),
        Failing.REFUSES: (Cause.REDIS_REFUSES, "refuses commands"),
    }[fault.kind]
    since = _stopped_sampling(facts) or fault.since
    return Found(cause, f"Redis ({facts.redis_at}) {what}: {fault.says}", since)


def _stopped_sampling(facts: Facts) -> float | None:
    """A Redis that takes no writes takes no samples either: the last one says since when."""
    is_old = facts.sampled_at is not None and facts.now - facts.sampled_at > _SAMPLES_SECONDS
    return facts.sampled_at if is_old else None
