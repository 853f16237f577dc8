"""What to do with a delivery that an earlier attempt left: claimed, or in doubt. Pure."""

from dataclasses import dataclass
from typing import TypeAlias

from emails.values.deliveries import SendEvidence, Unsettled
from emails.values.outcomes import RefuseReason, RetryReason


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Claim it and do the work; without sending, if SES has the mail as `sent_as`."""

    sent_as: str | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Another attempt may be on it: try again later."""

    reason: RetryReason


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Only an operator can settle it."""

    reason: RefuseReason


Decision: TypeAlias = TakeOver | Wait | GiveUp


def decide(found: Unsettled, evidence: SendEvidence) -> Decision:
    """Decide by the row and by what is known of the send.

    A mail that SES is known to have needs no waiting for the claim to expire, and leaves no doubt:
    the work is completed without sending, and only the first of two that complete it counts.
    """
    if evidence.sent_as is not None:
        return TakeOver(evidence.sent_as)
    if found.is_in_doubt:
        return GiveUp(RefuseReason.SEND_IN_DOUBT)
    return TakeOver() if found.is_over else Wait(RetryReason.CLAIMED_ELSEWHERE)
