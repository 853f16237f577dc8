"""One delivery, once: claim → work → record. And what a failure at each of these points means.

    claim     nobody else is at it; a finished one only gives its outcome again
    work      load, decide, fetch, rewrite, send. Nothing is sent before its last step, so a
              failure gives the claim back. No database transaction is open meanwhile.
    send      with a claim that ran out, nothing is sent. SES said no → as any failure. No answer →
              the delivery is in doubt, and is not tried again by itself: it may have been sent. An
              operator decides.
    record    one transaction; repeated for a while when the database is away

What remains: a process that dies, or a database that stays away, between SES's yes and that one
transaction. Then the claim runs out, and the mail is sent again.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import assert_never

from emails.edges import events
from emails.flow.context import Context
from emails.store import claims, records
from emails.values.deliveries import Claim, ClaimedElsewhere, Finished, InDoubt, Outgoing
from emails.values.errors import NotFinished, Refused
from emails.values.facts import MaskRef
from emails.values.outcomes import Outcome, RefuseReason, RetryReason

_RECORD_DELAYS_SECONDS = (0.1, 0.3, 1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Done:
    """What the work led to; `record` writes it down, in one transaction."""

    outcome: Outcome
    mask: MaskRef | None
    record: Callable[[], None]
    was_sent: bool = False


def settled(
    context: Context, claimed: Claim, outcome: Outcome, mask: MaskRef | None = None
) -> Done:
    """Make the `Done` of a delivery for which nothing is sent."""
    return Done(outcome, mask, lambda: records.record_settled(claimed, outcome, mask, context.now))


def settle_once(
    context: Context, purpose: str, recipient: str, work: Callable[[Claim], Done]
) -> Outcome:
    """Do the work if it was not done, and give its outcome.

    Raises `NotFinished`, `Refused`, and whatever else the work raises.
    """
    lasts = context.ports.policy.claim
    result = claims.claim(context.sns_message_id, purpose, recipient, context.now, lasts)
    match result:
        case Finished(outcome):
            events.settled_before(outcome, context.sns_message_id)
            return outcome
        case ClaimedElsewhere():
            raise NotFinished(RetryReason.CLAIMED_ELSEWHERE)
        case InDoubt():
            raise Refused(RefuseReason.SEND_IN_DOUBT)
        case Claim():
            return _carry_out(context, result, work)
        case _:
            assert_never(result)


def _carry_out(context: Context, claimed: Claim, work: Callable[[Claim], Done]) -> Outcome:
    try:
        done = work(claimed)
        if not done.was_sent:
            done.record()
    except Exception as error:
        if getattr(error, "reason", None) != RefuseReason.SEND_IN_DOUBT:
            # A claim that can't be given back runs out by itself.
            with suppress(NotFinished):
                claims.release(claimed, context.now)
        raise
    if done.was_sent:
        _record_sent(context, claimed, done)
    events.settled(done.outcome, context.sns_message_id, done.mask)
    return done.outcome


def send(context: Context, claimed: Claim, mail: Outgoing) -> str:
    """Send the mail; gives SES's id for it. Raises `Refused` or `NotFinished`: it was not sent.

    Where that isn't sure, the delivery is in doubt from now on.
    """
    context.ports.pace.wait_turn()
    if context.ports.clock() >= claimed.until:
        # This machine stood still, and its other clocks with it; somebody may have taken over.
        raise NotFinished(RetryReason.CLAIMED_ELSEWHERE)
    try:
        return context.ports.mailer.send(mail)
    except NotFinished as error:
        if error.reason == RetryReason.SENDER_THROTTLED:
            context.ports.pace.slow_down()
        raise
    except Refused:
        raise
    except BaseException as error:
        # An interrupt counts as well: SES may have the mail while we don't have its answer.
        with suppress(NotFinished):
            _with_retries(context, lambda: claims.mark_in_doubt(claimed))
        if isinstance(error, Exception):
            raise Refused(RefuseReason.SEND_IN_DOUBT) from error
        raise


def _record_sent(context: Context, claimed: Claim, done: Done) -> None:
    """Write down that a mail was sent: whatever goes wrong here, it must not be sent again."""
    try:
        try:
            _with_retries(context, done.record)
        except NotFinished:
            raise
        except BaseException as error:
            # The time limit, or a row that is gone: do without the counters.
            events.counted_wrong(context.sns_message_id, error)
            _with_retries(
                context, lambda: records.record_settled(claimed, done.outcome, None, context.now)
            )
            if not isinstance(error, Exception):
                raise
    except NotFinished as error:
        raise Refused(RefuseReason.SENT_NOT_RECORDED) from error


def _with_retries(context: Context, record: Callable[[], None]) -> None:
    for delay_seconds in _RECORD_DELAYS_SECONDS:
        try:
            record()
        except NotFinished:
            context.ports.sleep(delay_seconds)
        else:
            return
    record()
