"""Bounces and complaints, one recipient at a time: load → decide → record."""

from emails.flow.context import Context
from emails.flow.deliver import Result, run_once
from emails.flow.notices import Addressee, send_notice
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
from emails.rules.notice_kinds import notice_after
from emails.store import lookups, records
from emails.values.deliveries import Claim
from emails.values.facts import FoundMask, MaskFacts, MaskRef, OwnerFacts, SentKind
from emails.values.notifications import Bounce, BouncedRecipient, Complaint, SentMail
from emails.values.outcomes import Outcome, Recorded, RecordReason

_KINDS = frozenset(kind.value for kind in SentKind)


def settle_bounce(context: Context, bounce: Bounce, recipient: BouncedRecipient) -> Outcome:
    """Record one bounced recipient."""
    address = only_address_in(recipient.address)

    def work(claimed: Claim) -> Result:
        owner = _find_owner(context, address)
        kind = _kind(bounce.mail)
        reason = bounces.judge(bounce.kind, bounce.subkind, recipient.diagnostic, owner, kind)
        return _recorded(context, claimed, reason, owner, None)

    return run_once(context, "bounce", _key(address, recipient.address), work)


def settle_complaint(context: Context, complaint: Complaint, recipient: str) -> Outcome:
    """Record one recipient's complaint. If it disables a mask, notify the owner."""
    address = only_address_in(recipient)

    def work(claimed: Claim) -> Result:
        owner = _find_owner(context, address)
        mask = _find_mask(context, complaint.mail, owner)
        kind = _kind(complaint.mail)
        reason = complaints.judge(complaint.feedback, complaint.subkind, owner, mask, kind)
        return _recorded(context, claimed, reason, owner, mask)

    def find_addressee() -> Addressee | None:
        owner = _find_owner(context, address)
        mask = _find_mask(context, complaint.mail, owner)
        return Addressee(owner, mask) if owner and mask else None

    key = _key(address, recipient)
    outcome = run_once(context, "complaint", key, work)
    if notice := notice_after(outcome):
        send_notice(context, notice, key, find_addressee)
    return outcome


def _recorded(
    context: Context,
    claimed: Claim,
    reason: RecordReason,
    owner: OwnerFacts | None,
    mask: MaskFacts | None,
) -> Result:
    outcome, ref = Recorded(reason), mask.ref if mask else None
    return Result(
        outcome,
        ref,
        lambda: records.record_feedback(claimed, outcome, owner, ref, context.now),
    )


def _key(address: Address | None, text: str) -> str:
    return str(address) if address else text


def _kind(mail: SentMail) -> SentKind:
    kind = mail.tag("kind")
    return SentKind(kind) if kind in _KINDS else SentKind.UNKNOWN


def _find_owner(context: Context, address: Address | None) -> OwnerFacts | None:
    """Look up the owner of a real address, or of the mask behind an SES simulator address."""
    if address is None:
        return None
    if ref := simulated_mask(address):
        found = lookups.find_mask_by_ref(ref)
        return found.owner if found else None
    return lookups.find_owner(str(address))


def _find_mask(context: Context, mail: SentMail, owner: OwnerFacts | None) -> MaskFacts | None:
    """Look up the owner's mask that the mail came through: by its tag, else by its sender."""
    if owner is None:
        return None
    ref = MaskRef.parse(mail.tag("mask") or "")
    found = lookups.find_mask_by_ref(ref) if ref else _find_sender(context, mail)
    return found.mask if found and found.owner.id == owner.id else None


def _find_sender(context: Context, mail: SentMail) -> FoundMask | None:
    for recipient in our_recipients(addresses_in(mail.source), context.ports.policy):
        if isinstance(recipient, MaskRecipient):
            target = lookups.find_mask(recipient, context.now)
            return target if isinstance(target, FoundMask) else None
    return None
