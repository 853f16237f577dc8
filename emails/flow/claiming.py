"""Claims a delivery, also one that an earlier attempt left: claimed, or in doubt."""

from datetime import timedelta
from typing import assert_never

from emails.flow.context import Context
from emails.rules import unsettled
from emails.store import claims
from emails.values.deliveries import Claim, Finished, Instant, Unsettled
from emails.values.errors import NotFinished, Refused
from emails.values.outcomes import RetryReason


def claim(context: Context, purpose: str, recipient: str) -> Claim | Finished:
    """Claim the delivery, unless it is finished. Raises `NotFinished` or `Refused`."""
    ports = context.ports
    started, lifetime = ports.clock(), ports.policy.claim_duration
    result = claims.claim(context.sns_message_id, purpose, recipient, started, lifetime)
    match result:
        case Claim():
            ports.clock_watch.compare(result.claimed_at, started, ports.clock())
            return result
        case Finished():
            return result
        case Unsettled():
            return _claim_unsettled(context, result, started)
        case _:
            assert_never(result)


def _claim_unsettled(context: Context, found: Unsettled, started: Instant) -> Claim:
    wait = context.ports.policy.send_event_wait
    evidence = context.ports.send_notes.find(found.reference)
    decision = unsettled.decide(found, evidence, awaits_events=wait is not None)
    match decision:
        case unsettled.TakeOver(sent_as):
            lifetime = context.ports.policy.claim_duration
            if claimed := claims.take_over(found, sent_as, started, lifetime):
                return claimed
            raise NotFinished(RetryReason.CLAIMED_ELSEWHERE)
        case unsettled.Doubt():
            claims.mark_left_in_doubt(found, (wait or timedelta(0)) + evidence.event_delay)
            raise NotFinished(RetryReason.SEND_UNCONFIRMED)
        case unsettled.Wait(reason):
            raise NotFinished(reason)
        case unsettled.GiveUp(reason):
            raise Refused(reason)
        case _:
            assert_never(decision)
