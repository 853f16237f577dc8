"""Carries out one delivery once: claim → work → record. What a failure means at each step:

    claim     Another worker holds the claim: retry later. Finished before: return the stored
              outcome.
    work      Load, decide, fetch, rewrite, send. Sending comes last, so an earlier failure sent
              nothing and releases the claim. No database transaction is open during the work.
    send      Claim expired: send nothing. SES rejects the mail: a failure like any other. No answer
              from SES: the mail may have been sent, so the delivery is in doubt, and we don't retry
              it. An operator decides.
    record    One transaction, retried for a while if the database is unavailable.

One gap remains: the process dies, or the database stays unavailable, after SES accepts the mail and
before that transaction commits. Then the claim expires, and the mail is sent again.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import assert_never

from emails.edges import events
from emails.flow.context import Context
from emails.store import claims, records
from emails.values.deliveries import (
    Claim,
    ClaimedElsewhere,
    ClaimResult,
    Finished,
    InDoubt,
    Outgoing,
)
from emails.values.errors import NotFinished, Refused
from emails.values.facts import MaskRef
from emails.values.outcomes import Outcome, RefuseReason, RetryReason

_RECORD_DELAYS_SECONDS = (0.1, 0.3, 1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Result:
    """The result of the work. `record` stores it in one transaction."""

    outcome: Outcome
    mask: MaskRef | None
    record: Callable[[], None]
    mail_sent: bool = False


def outcome_only(
    context: Context, claimed: Claim, outcome: Outcome, mask: MaskRef | None = None
) -> Result:
    """Return a result that records its outcome and at most a count for the mask."""
    return Result(
        outcome, mask, lambda: records.record_settled(claimed, outcome, mask, context.now)
    )


def run_once(
    context: Context, purpose: str, recipient: str, work: Callable[[Claim], Result]
) -> Outcome:
    """Do the work unless it was done before, and return its outcome.

    Raises `NotFinished`, `Refused`, and whatever else the work raises.
    """
    claim_result = _claim(context, purpose, recipient)
    match claim_result:
        case Finished(outcome):
            events.already_settled(outcome, context.sns_message_id)
            return outcome
        case ClaimedElsewhere():
            raise NotFinished(RetryReason.CLAIMED_ELSEWHERE)
        case InDoubt():
            raise Refused(RefuseReason.SEND_IN_DOUBT)
        case Claim():
            return _carry_out(context, claim_result, work)
        case _:
            assert_never(claim_result)


def _claim(context: Context, purpose: str, recipient: str) -> ClaimResult:
    ports = context.ports
    started, lifetime = ports.clock(), ports.policy.claim_duration
    claim_result = claims.claim(context.sns_message_id, purpose, recipient, started, lifetime)
    if isinstance(claim_result, Claim):
        ports.clock_watch.compare(claim_result.claimed_at, started, ports.clock())
    return claim_result


def _carry_out(context: Context, claimed: Claim, work: Callable[[Claim], Result]) -> Outcome:
    try:
        result = work(claimed)
        if not result.mail_sent:
            result.record()
    except Exception as error:
        if getattr(error, "reason", None) != RefuseReason.SEND_IN_DOUBT:
            # A claim that we can't release expires by itself.
            with suppress(NotFinished):
                claims.release(claimed)
        raise
    if result.mail_sent:
        _record_sent(context, claimed, result)
    events.settled(result.outcome, context.sns_message_id, result.mask)
    return result.outcome


def send(context: Context, claimed: Claim, mail: Outgoing) -> str:
    """Send the mail and return SES's id for it. Raises `NotFinished` or `Refused` if it fails.

    If SES may have sent it all the same, marks the delivery as in doubt and raises `Refused`.
    """
    context.ports.pace.wait_turn()
    if claimed.has_expired(context.ports.clock()):
        # This machine was suspended, so no timeout fired. Another worker may hold the claim now.
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
        # Also for an interrupt: SES may have accepted the mail before we read its answer.
        with suppress(NotFinished):
            _retry_while_unavailable(context, lambda: claims.mark_in_doubt(claimed))
        if isinstance(error, Exception):
            raise Refused(RefuseReason.SEND_IN_DOUBT) from error
        raise


def _record_sent(context: Context, claimed: Claim, result: Result) -> None:
    """Record that the mail was sent. Whatever fails here, the mail must not be sent again."""
    try:
        try:
            _retry_while_unavailable(context, result.record)
        except NotFinished:
            raise
        except BaseException as error:
            # A time limit or a deleted row: give up the counters, keep the outcome.
            events.sent_not_counted(context.sns_message_id, error)
            _retry_while_unavailable(
                context, lambda: records.record_settled(claimed, result.outcome, None, context.now)
            )
            if not isinstance(error, Exception):
                raise
    except NotFinished as error:
        raise Refused(RefuseReason.SENT_NOT_RECORDED) from error


def _retry_while_unavailable(context: Context, record: Callable[[], None]) -> None:
    """Record, and retry for some twenty seconds if the database is unavailable."""
    for delay_seconds in _RECORD_DELAYS_SECONDS:
        try:
            record()
        except NotFinished:
            context.ports.sleep(delay_seconds)
        else:
            return
    record()
