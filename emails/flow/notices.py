"""Notices to owners: rendered, and sent once for each notification that calls for one."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from emails.flow.context import Context
from emails.flow.deliver import Done, send, settle_once, settled
from emails.rules.notice_kinds import NoticeKind
from emails.values.deliveries import Claim, Outgoing
from emails.values.facts import MaskFacts, OwnerFacts, SentKind
from emails.values.outcomes import Outcome, Recorded, RecordReason

_SENT = Recorded(RecordReason.NOTICE_SENT)


@dataclass(frozen=True, slots=True)
class Addressee:
    """Who is told, and of which mask."""

    owner: OwnerFacts
    mask: MaskFacts


def send_notice(
    context: Context,
    kind: NoticeKind,
    recipient: str,
    find_addressee: Callable[[], Addressee | None],
) -> Outcome:
    """Send the notice, if this notification hasn't led to it yet.

    `recipient` is the notification's, whose outcome calls for the notice. Whom to tell is looked up
    only when there is something to do.
    """

    def work(claimed: Claim) -> Done:
        addressee = find_addressee()
        if addressee is None:
            return settled(context, claimed, Recorded(RecordReason.NOTICE_TO_NOBODY))
        return _send(context, kind, addressee, claimed)

    return settle_once(context, f"notice {kind}", recipient, work)


def _send(context: Context, kind: NoticeKind, addressee: Addressee, claimed: Claim) -> Done:
    ports, owner, mask = context.ports, addressee.owner, addressee.mask
    raw = ports.make_notice(kind, mask.address, owner.address, owner.language, context.now)
    sender = ports.policy.from_address
    send(context, claimed, Outgoing(raw, sender, owner.address, mask.tags(SentKind.NOTICE)))
    return replace(settled(context, claimed, _SENT, mask.ref), was_sent=True)
