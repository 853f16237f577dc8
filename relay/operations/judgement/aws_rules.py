"""The rules about S3 and SES, as the workers meet them. Pure."""

from relay.operations.judgement import account_rules
from relay.operations.judgement.causes import Cause
from relay.operations.judgement.facts import Facts
from relay.operations.judgement.found import DENIED, Found, breaker_of, since_of
from runtime.dependencies import Dependency

_PAUSED = frozenset({"SendingPausedException", "AccountSuspendedException"})
_KMS = "KMS."


def ses(facts: Facts) -> Found | None:
    """Find that SES takes no mail."""
    opened = breaker_of(facts, Dependency.SES)
    if opened is None:
        return account_rules.paused(facts)
    if opened.code in _PAUSED:
        cause, what = Cause.SES_PAUSED, "AWS has paused sending"
    elif opened.code in DENIED:
        cause, what = Cause.SES_DENIED, "The workers may not send with SES"
    else:
        cause, what = Cause.SES_FAILS, "SES fails"
    return Found(cause, f"{what}: {opened.code}", since_of(opened))


def s3(facts: Facts) -> Found | None:
    """Find that S3 doesn't give mails."""
    opened = breaker_of(facts, Dependency.S3)
    if opened is None:
        return None
    is_denied = opened.code in DENIED or opened.code.startswith(_KMS)
    cause = Cause.S3_DENIED if is_denied else Cause.S3_FAILS
    what = "The workers may not read the mails in S3" if is_denied else "S3 fails"
    return Found(cause, f"{what}: {opened.code}", since_of(opened))
