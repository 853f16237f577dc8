"""Notices to owners: rendered, and sent once for each notification that calls for one."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from emails.deliver import Done, Job, once, send, settled
from emails.facts import MaskFacts, OwnerFacts, SentKind
from emails.once import Claim, Outgoing
from emails.outcomes import Outcome, Recorded, RecordReason
from emails.rules.notices import NoticeKind

_SENT = Recorded(RecordReason.NOTICE_SENT)


@dataclass(frozen=True, slots=True)
class Addressee:
    """Who is told, and of which mask."""

    owner: OwnerFacts
    mask: MaskFacts


def send_notice(
    job: Job, kind: NoticeKind, recipient: str, find_addressee: Callable[[], Addressee | None]
) -> Outcome:
    """Send the notice, if this notification hasn't led to it yet.

    `recipient` is the notification's, whose outcome calls for the notice. Whom to tell is looked up
    only when there is something to do.
    """

    def work(claimed: Claim) -> Done:
        addressee = find_addressee()
        if addressee is None:
            return settled(job, claimed, Recorded(RecordReason.NOTICE_TO_NOBODY))
        return _send(job, kind, addressee, claimed)

    return once(job, f"notice {kind}", recipient, work)


def _send(job: Job, kind: NoticeKind, addressee: Addressee, claimed: Claim) -> Done:
    edges, owner, mask = job.edges, addressee.owner, addressee.mask
    raw = edges.make_notice(kind, mask.address, owner.address, owner.language, job.now)
    sender = edges.policy.from_address
    send(job, claimed, Outgoing(raw, sender, owner.address, mask.tags(SentKind.NOTICE)))
    return replace(settled(job, claimed, _SENT, mask.ref), was_sent=True)
