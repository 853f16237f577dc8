"""Bounces and complaints, for one recipient at a time: load → decide → record."""

from emails.deliver import Done, Job, once
from emails.facts import FoundMask, MaskFacts, MaskRef, OwnerFacts, SentKind
from emails.notices import Addressee, send_notice
from emails.notifications import Bounce, BouncedRecipient, Complaint, SentMail
from emails.once import Claim
from emails.outcomes import Outcome, Recorded, RecordReason
from emails.rules import bounce as bounces
from emails.rules import complaint as complaints
from emails.rules.addresses import (
    Address,
    MaskRecipient,
    addresses_in,
    only_address_in,
    our_recipients,
)
from emails.rules.developer import simulated_mask
from emails.rules.notices import notice_after

_KINDS = frozenset(kind.value for kind in SentKind)


def settle_bounce(job: Job, bounce: Bounce, recipient: BouncedRecipient) -> Outcome:
    """Take note of one bounced recipient."""
    address = only_address_in(recipient.address)

    def work(claimed: Claim) -> Done:
        owner = _find_owner(job, address)
        kind = _kind(bounce.mail)
        reason = bounces.judge(bounce.kind, bounce.subkind, recipient.diagnostic, owner, kind)
        return _recorded(job, claimed, reason, owner, None)

    return once(job, "bounce", _key(address, recipient.address), work)


def settle_complaint(job: Job, complaint: Complaint, recipient: str) -> Outcome:
    """Take note of one recipient's complaint; if it disables a mask, its owner is told."""
    address = only_address_in(recipient)

    def work(claimed: Claim) -> Done:
        owner = _find_owner(job, address)
        mask = _find_mask(job, complaint.mail, owner)
        kind = _kind(complaint.mail)
        reason = complaints.judge(complaint.feedback, complaint.subkind, owner, mask, kind)
        return _recorded(job, claimed, reason, owner, mask)

    def find_addressee() -> Addressee | None:
        owner = _find_owner(job, address)
        mask = _find_mask(job, complaint.mail, owner)
        return Addressee(owner, mask) if owner and mask else None

    key = _key(address, recipient)
    outcome = once(job, "complaint", key, work)
    if notice := notice_after(outcome):
        send_notice(job, notice, key, find_addressee)
    return outcome


def _recorded(
    job: Job,
    claimed: Claim,
    reason: RecordReason,
    owner: OwnerFacts | None,
    mask: MaskFacts | None,
) -> Done:
    outcome, ref = Recorded(reason), mask.ref if mask else None
    store = job.edges.store
    return Done(
        outcome,
        ref,
        lambda: store.record_feedback(claimed, outcome, owner, ref, job.now),
    )


def _key(address: Address | None, text: str) -> str:
    return str(address) if address else text


def _kind(mail: SentMail) -> SentKind:
    kind = mail.tag("kind")
    return SentKind(kind) if kind in _KINDS else SentKind.UNKNOWN


def _find_owner(job: Job, address: Address | None) -> OwnerFacts | None:
    """Look up whose real address it is, or for whose mask the simulator was used."""
    if address is None:
        return None
    if ref := simulated_mask(address):
        found = job.edges.store.find_mask_by_ref(ref)
        return found.owner if found else None
    return job.edges.store.find_owner(str(address))


def _find_mask(job: Job, mail: SentMail, owner: OwnerFacts | None) -> MaskFacts | None:
    """Look up the owner's mask that the mail went through: by its tag, or by its sender."""
    if owner is None:
        return None
    ref = MaskRef.parse(mail.tag("mask") or "")
    found = job.edges.store.find_mask_by_ref(ref) if ref else _find_sender(job, mail)
    return found.mask if found and found.owner.id == owner.id else None


def _find_sender(job: Job, mail: SentMail) -> FoundMask | None:
    for recipient in our_recipients(addresses_in(mail.source), job.edges.policy):
        if isinstance(recipient, MaskRecipient):
            target = job.edges.store.find_mask(recipient, job.now)
            return target if isinstance(target, FoundMask) else None
    return None
