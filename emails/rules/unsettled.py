"""What to do with a delivery that an earlier attempt left: claimed, or in doubt. Pure."""

from dataclasses import dataclass
from datetime import timedelta
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


_LONGEST_WAIT_FOR_BRIDGES = timedelta(minutes=5)

Decision: TypeAlias = TakeOver | Doubt | Wait | GiveUp


def decide(
    found: Unsettled,
    evidence: SendEvidence,
    age: timedelta,
    *,
    event_wait: timedelta | None,
    is_orphaned: bool = False,
) -> Decision:
    """Decide by the row and by what is known of the send.

    A mail that SES is known to have needs no waiting for the claim to expire, and leaves no doubt:
    the work is completed without sending, and only the first of two that complete it counts.

    `age` is how long ago the delivery was first claimed, when the evidence was looked for.

    `is_orphaned`: its worker is known to be dead, so its claim needs not expire.

    `event_wait`: SES tells us of each send, so nothing that may have been sent is sent again before
    there was that much time for the event; None if it does not.
    """
    if evidence.sent_as is not None:
        return TakeOver(evidence.sent_as)
    if found.is_in_doubt:
        if found.is_for_an_operator or event_wait is None:
            return GiveUp(RefuseReason.SEND_IN_DOUBT)
        # What comes now was sent that long ago: a backlog in SQS may have grown since the send.
        is_event_due = found.until + evidence.event_delay <= found.now
        is_read = _is_queue_read(found, evidence, event_wait)
        is_refuted = is_event_due and is_read and evidence.has_all_events(age)
        return TakeOver() if is_refuted else Wait(RetryReason.SEND_UNCONFIRMED)
    if not found.is_over and not is_orphaned:
        return Wait(RetryReason.CLAIMED_ELSEWHERE)
    if found.was_released or event_wait is None or evidence.excludes_a_send(age):
        return TakeOver()
    return Doubt()


def _is_queue_read(found: Unsettled, evidence: SendEvidence, event_wait: timedelta) -> bool:
    """Return whether a bridge has looked for the event since the delivery came into doubt.

    Not for ever: what has all of the room in flight may be what waits for the bridges to receive.
    """
    if found.now >= found.until + _LONGEST_WAIT_FOR_BRIDGES:
        return True
    in_doubt_for = found.now - found.until + event_wait
    return evidence.received_ago is not None and evidence.received_ago <= in_doubt_for
