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
class Doubt:
    """Its worker died, perhaps during a send: put it in doubt, and wait for SES's event."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Try again later: another attempt may be on it, or SES's event may still come."""

    reason: RetryReason


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Only an operator can settle it."""

    reason: RefuseReason


Decision: TypeAlias = TakeOver | Doubt | Wait | GiveUp


def decide(
    found: Unsettled, evidence: SendEvidence, *, awaits_events: bool, is_orphaned: bool = False
) -> Decision:
    """Decide by the row and by what is known of the send.

    A mail that SES is known to have needs no waiting for the claim to expire, and leaves no doubt:
    the work is completed without sending, and only the first of two that complete it counts.

    `is_orphaned`: its worker is known to be dead, so its claim needs not expire.

    `awaits_events`: SES tells us of each send, so nothing that may have been sent is sent again
    before there was time for the event.
    """
    if evidence.sent_as is not None:
        return TakeOver(evidence.sent_as)
    if found.is_in_doubt:
        if found.is_for_an_operator or not awaits_events:
            return GiveUp(RefuseReason.SEND_IN_DOUBT)
        # What comes now was sent that long ago: a backlog in SQS may have grown since the send.
        is_event_due = found.until + evidence.event_delay <= found.now
        is_refuted = is_event_due and evidence.has_all_events
        return TakeOver() if is_refuted else Wait(RetryReason.SEND_UNCONFIRMED)
    if not found.is_over and not is_orphaned:
        return Wait(RetryReason.CLAIMED_ELSEWHERE)
    age = found.now - found.created_at
    if found.was_released or not awaits_events or evidence.excludes_a_send(age):
        return TakeOver()
    return Doubt()
