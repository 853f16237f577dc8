"""The rules about the way of a mail to the workers: SNS, SQS, bridges. Pure."""

from bridge.ledger.heartbeats import Role
from relay.operations.judgement.causes import Cause
from relay.operations.judgement.facts import Facts
from relay.operations.judgement.found import (
    LEAST_FAILURES,
    MINUTES_OF_FAILURE,
    NO_PROGRESS_SECONDS,
    Found,
    breaker_of,
    recent_of,
    share_of,
    since_of,
)
from runtime.dependencies import Dependency

_CANARY_SECONDS = 300
"""After how long without a canary nobody may be getting mail."""
_USUAL_FACTOR = 3
_LEAST_SILENCE_SECONDS = 60
_LONGEST_USUAL_SECONDS = 1_200
"""Where mail is rarer than this, only a canary can tell that none arrives."""
_REJECTED_SHARE = 0.5
_UNMIGRATED, _RAW = "database_unmigrated", "raw_delivery"


def raw_delivery(facts: Facts) -> Found | None:
    """Find that SNS doesn't sign what it delivers."""
    opened = breaker_of(facts, Dependency.CONFIGURATION, _RAW)
    what = "The topic's subscription has raw message delivery switched on"
    if opened is not None:
        return Found(Cause.RAW_DELIVERY, what, since_of(opened))
    # The breaker waits until nothing else passes; most of the messages say enough.
    recent, name = recent_of(facts), f"rejected:{_RAW}"
    if recent is None or recent.total(name) < max(LEAST_FAILURES, recent.settled):
        return None
    minutes = recent.minutes_with(name)
    if len(minutes) < MINUTES_OF_FAILURE - 1:
        return None
    return Found(Cause.RAW_DELIVERY, what, minutes[0] * 60.0)


def configuration(facts: Facts) -> Found | None:
    """Find that all messages fail on one setting."""
    opened = breaker_of(facts, Dependency.CONFIGURATION)
    if opened is None or opened.code in (_UNMIGRATED, _RAW):
        return None
    return Found(
        Cause.CONFIGURATION, f"All messages fail on one setting: {opened.code}", since_of(opened)
    )


def certificates(facts: Facts) -> Found | None:
    """Find that SNS's certificate can't be had."""
    opened = breaker_of(facts, Dependency.CERTIFICATES)
    if opened is None:
        return _all_postponed(facts)
    what = f"SNS's signing certificate can't be fetched: {opened.code}"
    return Found(Cause.CERTIFICATES_AWAY, what, since_of(opened))


def _all_postponed(facts: Facts) -> Found | None:
    """Look for certificates that are missing before a breaker opens: it waits for more proof."""
    recent = recent_of(facts)
    if recent is None or recent.settled > recent.total("postponed"):
        return None
    minutes = recent.minutes_with("postponed")
    if recent.total("postponed") < LEAST_FAILURES or len(minutes) < MINUTES_OF_FAILURE - 1:
        return None
    what = "SNS's signing certificate can't be had for most messages"
    return Found(Cause.CERTIFICATES_AWAY, what, minutes[0] * 60.0)


def sqs(facts: Facts) -> Found | None:
    """Find that SQS can't be asked."""
    fault = facts.queue_fault
    return Found(Cause.SQS_AWAY, f"SQS can't be asked: {fault.says}") if fault else None


def rejects(facts: Facts) -> Found | None:
    """Find that most messages are rejected."""
    return share_of(facts, Cause.MANY_REJECTS, "rejected", _REJECTED_SHARE, "were rejected")


def nothing_taken(facts: Facts) -> Found | None:
    """Find that the bridges take nothing of what is in SQS."""
    if not facts.alive(Role.BRIDGE) or facts.queue is None or facts.queue.visible == 0:
        return None
    recent = recent_of(facts, 1 + NO_PROGRESS_SECONDS // 60)
    if recent is None or recent.total("received"):
        return None
    what = f"{facts.queue.visible:,} messages are in SQS, and the bridges take none"
    silence = facts.progress.silence(facts.now, "received") if facts.progress else None
    return Found(Cause.NOTHING_TAKEN, what, None if silence is None else facts.now - silence)


def no_canary(facts: Facts) -> Found | None:
    """Find that no canary comes back."""
    age = facts.canary_age
    if age is None or age < _CANARY_SECONDS:
        return None
    return Found(Cause.NO_CANARY, "No canary has come back", facts.now - age)


def no_mail(facts: Facts) -> Found | None:
    """Find that no mail arrives."""
    limit = silence_limit(facts.usual_silence)
    silence = facts.progress.silence(facts.now, "arrived") if facts.progress else None
    if limit is None or silence is None or silence < limit:
        return None
    return Found(Cause.NO_MAIL, "No mail has arrived, which is unusual", facts.now - silence)


def silence_limit(usual: float | None) -> float | None:
    """Return how long no mail may arrive, from the longest silence of the last day.

    None where that tells nothing: mail is too rare, or there is no day yet.
    """
    if usual is None or usual > _LONGEST_USUAL_SECONDS:
        return None
    return max(_LEAST_SILENCE_SECONDS, usual * _USUAL_FACTOR)
