"""Sends notices to owners: each once for its slot, however many workers meet at it.

A notice never harms what it is about, which is settled before. While its sending can't be finished,
the message is retried, as for anything else; the outcome is not brought about again. After
`PATIENCE`, and if it can't be sent at all, the notice is given up. Only ever the address on file
gets it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from emails.edges import events
from emails.flow.context import Context, Progress
from emails.flow.deliver import Result, outcome_only, run_once, send
from emails.rules.notice_slots import Slot, slot_of
from emails.store import claims
from emails.store.counters import day_of
from emails.values.deliveries import Claim, Outgoing
from emails.values.errors import NotFinished
from emails.values.facts import MaskRef, OwnerFacts, SentKind
from emails.values.notices import Notice, NoticeKind
from emails.values.outcomes import Recorded, RecordReason

PATIENCE = timedelta(hours=6)
"""How long a message is retried for the sake of a notice that can't be sent for now."""

_PURPOSE = "notice"
_SENT = Recorded(RecordReason.NOTICE_SENT)
_TO_NOBODY = Recorded(RecordReason.NOTICE_TO_NOBODY)
_MAILBOX_BOUNCES = Recorded(RecordReason.NOTICE_MAILBOX_BOUNCES)
_LIMIT = Recorded(RecordReason.NOTICE_LIMIT)


@dataclass(frozen=True, slots=True)
class Due:
    """A notice that is due: for whom, and about which of their masks, if it has a row."""

    notice: Notice
    owner: OwnerFacts
    mask: MaskRef | None = None


def tell(
    context: Context, since: datetime, find_due: Callable[[], Due | None], *, may_wait: bool = True
) -> None:
    """Send the notice that is due, unless its slot was used. None: there is nobody to tell.

    `since` is when what it is about came: its day is the slot's. Raises `NotFinished` if it shall
    be tried again, and nothing else; without `may_wait` not even that.
    """
    try:
        if due := find_due():
            _tell(context, since, due)
    except NotFinished as error:
        if may_wait and error.max_tries is None and context.now < since + PATIENCE:
            raise
        events.notice_given_up(error, context.sns_message_id)
    except Exception as error:  # noqa: BLE001 — what it is about is settled, and must stay so
        events.notice_given_up(error, context.sns_message_id)


def _tell(context: Context, since: datetime, due: Due) -> None:
    kind, owner = due.notice.kind, due.owner
    if not owner.is_active:
        events.settled(_TO_NOBODY, context.sns_message_id, due.mask)
        return
    if owner.has_open_breaker and kind is not NoticeKind.MAILBOX_BACK:
        events.settled(_MAILBOX_BOUNCES, context.sns_message_id, due.mask)
        return
    slot = slot_of(kind, owner.id, due.notice.mask, day_of(since))
    # A notice sent before is no recipient that an earlier attempt had settled.
    of_slot = replace(context, sns_message_id=slot.group, progress=Progress())
    run_once(of_slot, _PURPOSE, slot.name, partial(_send, of_slot, slot, due))


def _send(context: Context, slot: Slot, due: Due, claimed: Claim) -> Result:
    if slot.limit is not None and claims.count_before(claimed, slot.group) >= slot.limit:
        return outcome_only(context, claimed, _LIMIT)
    ports, owner = context.ports, due.owner
    outgoing = Outgoing(
        raw=ports.make_notice(due.notice, owner.address, owner.language, context.now),
        sender=ports.policy.from_address,
        recipient=owner.address,
        tags=_tags(due),
    )
    ses_id = send(context, claimed, outgoing)
    return replace(outcome_only(context, claimed, _SENT, sent_as=ses_id), mask=due.mask)


def _tags(due: Due) -> tuple[tuple[str, str], ...]:
    """Return SES's tags: a bounce of the notice counts for the mask's owner."""
    kind, notice = ("kind", SentKind.NOTICE.value), ("notice", due.notice.kind.value)
    return (kind, notice, ("mask", str(due.mask))) if due.mask else (kind, notice)
