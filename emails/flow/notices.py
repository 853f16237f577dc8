"""Sends notices to owners, at most once for each notification that calls for one."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

from emails.flow.context import Context
from emails.flow.deliver import Result, outcome_only, run_once, send
from emails.rules.notice_kinds import ONCE_A_DAY, NoticeKind
from emails.values.deliveries import Claim, Outgoing
from emails.values.errors import Refused
from emails.values.facts import MaskFacts, OwnerFacts, SentKind
from emails.values.outcomes import Outcome, Recorded, RecordReason, RefuseReason

_SENT = Recorded(RecordReason.NOTICE_SENT)


@dataclass(frozen=True, slots=True)
class Addressee:
    """The owner who gets the notice, and the mask it is about."""

    owner: OwnerFacts
    mask: MaskFacts


def send_notice(
    context: Context,
    kind: NoticeKind,
    recipient: str,
    find_addressee: Callable[[], Addressee | None],
    day: date | None = None,
) -> Outcome:
    """Send the notice, unless it was sent for this notification before.

    `recipient` is the one whose outcome calls for the notice. Calls `find_addressee` only if the
    notice is still to be sent, or is of a kind that is sent once a day. Then it is one a day for
    each owner, whatever notifications call for it; `day` is when the mail came.
    """
    if kind in ONCE_A_DAY:
        owed = find_addressee()
        if owed is None:
            return Recorded(RecordReason.NOTICE_TO_NOBODY)
        context = replace(context, sns_message_id=f"{kind}-{owed.owner.id}-{day}")
        recipient = ""

    def work(claimed: Claim) -> Result:
        addressee = find_addressee()
        if addressee is None:
            return outcome_only(context, claimed, Recorded(RecordReason.NOTICE_TO_NOBODY))
        return _send(context, kind, addressee, claimed)

    try:
        return run_once(context, f"notice {kind}", recipient, work)
    except Refused as error:
        if kind in ONCE_A_DAY and error.reason == RefuseReason.SEND_IN_DOUBT:
            # Perhaps sent: no reason to refuse all that is received today.
            return _SENT
        raise


def _send(context: Context, kind: NoticeKind, addressee: Addressee, claimed: Claim) -> Result:
    ports, owner, mask = context.ports, addressee.owner, addressee.mask
    raw = ports.make_notice(kind, mask.address, owner.address, owner.language, context.now)
    sender = ports.policy.from_address
    outgoing = Outgoing(raw, sender, owner.address, mask.tags(SentKind.NOTICE))
    ses_id = send(context, claimed, outgoing)
    return replace(outcome_only(context, claimed, _SENT, mask.ref), sent_as=ses_id)
