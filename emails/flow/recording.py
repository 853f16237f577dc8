"""Records that SES has a mail. Whatever fails here, the mail must not be sent again.

While the database is unavailable, a note in Redis stands in for the record, and the message is
retried: the next attempt finds the note, and records without sending. Without such a note the
message is refused, so that nothing but the expiry of its claim can send it again.
"""

from collections.abc import Callable

from emails.edges import events
from emails.flow.context import Context
from emails.store import records
from emails.values.deliveries import Claim
from emails.values.errors import NotFinished, Refused
from emails.values.outcomes import Outcome, RefuseReason

_DELAYS_SECONDS = (0.1, 0.3, 1.0, 2.0, 5.0, 10.0)
_DELAYS_WITH_NOTE_SECONDS = (0.1,)
"""Then the thread is better used for another mail. A broken connection needs the one more try."""


def record_sent(
    context: Context, claimed: Claim, outcome: Outcome, record: Callable[[], None], ses_id: str
) -> None:
    """Record the outcome of a mail that SES has as `ses_id`.

    Raises `NotFinished` if the database is unavailable and Redis took a note, else `Refused`.
    """
    try:
        _record(context, claimed, record, ses_id)
    except (NotFinished, Refused):
        raise
    except BaseException as error:
        # A time limit or a deleted row: give up the counters, keep the outcome.
        events.sent_not_counted(context.sns_message_id, error)
        context.ports.send_notes.note_sent(claimed.reference, ses_id)

        def record_outcome() -> None:
            records.record_settled(claimed, outcome, None, context.now, ses_id)

        _record(context, claimed, record_outcome, ses_id)
        if not isinstance(error, Exception):
            raise


def _record(context: Context, claimed: Claim, record: Callable[[], None], ses_id: str) -> None:
    try:
        record()
        return
    except NotFinished:
        is_noted = context.ports.send_notes.note_sent(claimed.reference, ses_id)
    delays = _DELAYS_WITH_NOTE_SECONDS if is_noted else _DELAYS_SECONDS
    try:
        retry_while_unavailable(context, record, delays)
    except NotFinished as error:
        if is_noted or context.ports.send_notes.note_sent(claimed.reference, ses_id):
            raise
        raise Refused(RefuseReason.SENT_NOT_RECORDED) from error


def retry_while_unavailable(
    context: Context, record: Callable[[], None], delays: tuple[float, ...] = _DELAYS_SECONDS
) -> None:
    """Record after the first delay; retry after the others while the database is unavailable."""
    for number, delay_seconds in enumerate(delays, 1):
        context.ports.sleep(delay_seconds)
        try:
            record()
        except NotFinished:
            if number == len(delays):
                raise
        else:
            return
