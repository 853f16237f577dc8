"""Carries out one delivery once: claim → work → record. What a failure means at each step:

    claim     Another worker holds the claim: retry later. Finished before: return the stored
              outcome. SES has the mail, as a note says: work, but don't send.
    work      Load, decide, fetch, rewrite, send. Sending comes last, so an earlier failure sent
              nothing and releases the claim. No database transaction is open during the work.
    send      Sending is paused, or the claim expired: send nothing. SES rejects the mail: a failure
              like any other. No answer from SES: the mail may have been sent, so the delivery is in
              doubt. If SES publishes `Send` events, the message is retried: the event settles the
              doubt, or after a while its absence does. Otherwise an operator decides.
    record    One transaction. If the database is unavailable, Redis takes a note, and the message
              is retried.

One gap remains without `Send` events: the process dies after SES accepts the mail and before that
transaction commits. Then the claim expires, and the mail is sent again.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from emails.edges import events
from emails.flow import claiming
from emails.flow.context import Context
from emails.flow.recording import record_sent, retry_while_unavailable
from emails.store import claims, records
from emails.values.deliveries import Claim, Finished, Outgoing, SendInDoubt
from emails.values.errors import NotFinished, Refused
from emails.values.facts import MaskRef
from emails.values.outcomes import Outcome, RefuseReason, RetryReason

MAY_BE_SENT = frozenset({RefuseReason.SEND_IN_DOUBT, RetryReason.SEND_UNCONFIRMED})
"""The failures after which SES may have the mail."""


@dataclass(frozen=True, slots=True)
class Result:
    """The result of the work. `record` stores it in one transaction.

    `sent_as` is SES's id if a mail was sent.
    """

    outcome: Outcome
    mask: MaskRef | None
    record: Callable[[], None]
    sent_as: str | None = None


def outcome_only(
    context: Context,
    claimed: Claim,
    outcome: Outcome,
    mask: MaskRef | None = None,
    sent_as: str | None = None,
) -> Result:
    """Return a result that records its outcome and at most a count for the mask.

    `sent_as` is SES's id if a mail was sent.
    """

    def record() -> None:
        records.record_settled(claimed, outcome, mask, context.now, sent_as)

    return Result(outcome, mask, record, sent_as)


def run_once(
    context: Context, purpose: str, recipient: str, work: Callable[[Claim], Result]
) -> Outcome:
    """Do the work unless it was done before, and return its outcome.

    Raises `NotFinished`, `Refused`, and whatever else the work raises.
    """
    if finished := context.progress.finished:
        hashed = claims.recipient_hash(context.sns_message_id, purpose, recipient)
        if hashed in finished:
            context.progress.settled_before += 1
            return finished[hashed]
    with events.delivering(purpose):
        claimed = claiming.claim(context, purpose, recipient)
        if isinstance(claimed, Finished):
            context.progress.settled_before += 1
            events.already_settled(claimed.outcome, context.sns_message_id)
            return claimed.outcome
        events.claimed(claimed.reference)
        return _carry_out(context, claimed, work)


def _carry_out(context: Context, claimed: Claim, work: Callable[[Claim], Result]) -> Outcome:
    try:
        result = work(claimed)
        if result.sent_as is None:
            result.record()
    except Exception as error:
        may_be_sent = claimed.sent_as or getattr(error, "reason", None) in MAY_BE_SENT
        if not may_be_sent:
            # A claim that we can't release expires by itself.
            with suppress(NotFinished):
                claims.release(claimed)
        raise
    if result.sent_as is not None:
        record_sent(context, claimed, result.outcome, result.record, result.sent_as)
    events.settled(result.outcome, context.sns_message_id, result.mask)
    return result.outcome


def send(context: Context, claimed: Claim, mail: Outgoing) -> str:
    """Send the mail and return SES's id for it. Raises `NotFinished` or `Refused` if it fails.

    A mail that SES has from an earlier attempt is not sent. If SES may have sent it all the same,
    marks the delivery as in doubt.
    """
    ports = context.ports
    if claimed.sent_as is not None:
        events.sent_before(context.sns_message_id)
        return claimed.sent_as
    _require_not_paused(context)
    ports.pace.wait_turn()
    if ports.policy.send_event_wait is not None:
        ports.send_notes.note_begun(claimed.reference)
    _require_not_paused(context)
    if not _is_still_ours(context, claimed):
        raise NotFinished(RetryReason.CLAIMED_ELSEWHERE)
    try:
        tags = (*mail.tags, ("delivery", claimed.reference))
        ses_id = ports.mailer.send(replace(mail, tags=tags))
    except NotFinished as error:
        if error.reason == RetryReason.SENDER_THROTTLED:
            ports.pace.slow_down()
        raise
    except SendInDoubt as error:
        _mark_in_doubt(context, claimed)
        if ports.policy.send_event_wait is not None:
            raise NotFinished(RetryReason.SEND_UNCONFIRMED) from error
        raise Refused(RefuseReason.SEND_IN_DOUBT) from error
    except Exception:
        raise
    except BaseException:
        # An interrupt: SES may have accepted the mail before we read its answer.
        _mark_in_doubt(context, claimed)
        raise
    events.sent(claimed.reference, ses_id)
    return ses_id


def _require_not_paused(context: Context) -> None:
    if context.ports.controls.is_sending_paused():
        raise NotFinished(RetryReason.SENDING_PAUSED)


def _is_still_ours(context: Context, claimed: Claim) -> bool:
    """Return whether nobody can have taken the claim over, nor will before we have sent.

    A suspended machine fires no timeouts, so its claim may have expired. A process that the others
    did not hear of lately may seem dead: it asks the database, and makes the claim outlast that.
    """
    if claimed.has_expired(context.ports.clock()):
        return False
    presence = context.ports.presence
    return not presence.name or presence.is_fresh() or claims.keep(claimed)


def _mark_in_doubt(context: Context, claimed: Claim) -> None:
    """Mark it. If the database is unavailable for long, the claim stays, and nobody sends soon."""
    wait = context.ports.policy.send_event_wait

    def mark() -> None:
        claims.mark_in_doubt(claimed, wait)

    try:
        mark()
    except NotFinished:
        with suppress(NotFinished):
            retry_while_unavailable(context, mark)
