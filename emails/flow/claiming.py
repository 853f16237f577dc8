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
    result = claims.claim(
        context.sns_message_id, purpose, recipient, started, lifetime, ports.presence.name
    )
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
    age = found.now - found.created_at + context.ports.clock().since(started)
    decision = unsettled.decide(
        found,
        evidence,
        age,
        event_wait=wait,
        is_orphaned=_is_orphaned(context, found),
    )
    match decision:
        case unsettled.TakeOver(sent_as):
            lifetime = context.ports.policy.claim_duration
            worker = context.ports.presence.name
            if claimed := claims.take_over(found, sent_as, started, lifetime, worker):
                return claimed
            raise NotFinished(RetryReason.CLAIMED_ELSEWHERE)
        case unsettled.Doubt():
            claims.mark_left_in_doubt(found, wait or timedelta(0))
            raise NotFinished(RetryReason.SEND_UNCONFIRMED)
        case unsettled.Wait(reason):
            raise NotFinished(reason)
        case unsettled.GiveUp(reason):
            raise Refused(reason)
        case _:
            assert_never(decision)


def _is_orphaned(context: Context, found: Unsettled) -> bool:
    """Return whether the worker that holds the claim is dead.

    It is if two servers agree: Redis has heard nothing of it lately, and the database has no
    connection of it. A suspended process keeps its connections; one that lost them still beats.
    """
    is_held = bool(found.worker) and not found.is_over and not found.is_connected
    return is_held and context.ports.presence.is_silent(found.worker)
