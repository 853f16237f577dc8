"""Holds a mail: copies it to where it is kept, and then records that.

    copy      To a key of this delivery's own, so an attempt that repeats this changes nothing. If
              this attempt fails next, the copy is nobody's, and the bucket's expiry removes it.
    record    One transaction: the delivery's outcome, and the row that leads to the copy.

SES's own copy is deleted as always, after all recipients are settled: by then, ours is recorded.
"""

from dataclasses import replace
from typing import assert_never

from emails.flow.context import Context
from emails.flow.deliver import Result
from emails.flow.inbound import Inbound
from emails.rules.addresses import MaskRecipient
from emails.rules.forward import Hold
from emails.rules.sender_blocks import sender_to_block
from emails.store import held, sender_blocks
from emails.values.deliveries import Claim
from emails.values.facts import CreatableMask, FoundMask, MaskRef
from emails.values.held import PREFIX, HeldTarget, NewMask, ToHold
from emails.values.notifications import StoredMail
from emails.values.outcomes import Held, HeldReason


def hold(context: Context, inbound: Inbound, decision: Hold, claimed: Claim) -> Result:
    """Hold the mail for the owner of its mask. Raises `NotFinished` or `Refused`."""
    owner, sender = decision.target.owner, sender_to_block(inbound.facts())
    secret = context.ports.reply_secret
    hashed = sender_blocks.hash_sender(sender, owner.id, secret) if sender else None
    to_hold = replace(
        _keep(context, inbound, claimed, _target_of(decision.target)),
        owner_id=owner.id,
        sender=hashed,
        frozen_by=decision.frozen_by,
    )
    ref = decision.target.mask.ref if isinstance(decision.target, FoundMask) else None
    return _held(context, claimed, Held(decision.reason), to_hold, ref)


def hold_unknown(
    context: Context, inbound: Inbound, recipient: MaskRecipient, claimed: Claim
) -> Result:
    """Hold a mail until its mask can be looked up. Nobody knows its owner. Raises like `hold`."""
    target = NewMask(recipient.address.local, recipient.address.domain)
    to_hold = _keep(context, inbound, claimed, target)
    return _held(context, claimed, Held(HeldReason.MASK_NOT_LOOKED_UP), to_hold, None)


def _keep(context: Context, inbound: Inbound, claimed: Claim, target: HeldTarget) -> ToHold:
    """Copy the mail to where held mails are."""
    policy = context.ports.policy
    kept = StoredMail(policy.bucket, f"{PREFIX}{claimed.reference}")
    size = inbound.keep_as(kept)
    return ToHold(
        owner_id=None,
        target=target,
        mail=kept,
        size=size,
        verdicts=inbound.notified_facts().verdicts,
        received_at=min(inbound.received_at or context.now, context.now),
        expires_at=context.now + policy.keep_held,
    )


def _held(
    context: Context, claimed: Claim, outcome: Held, mail: ToHold, ref: MaskRef | None
) -> Result:
    return Result(outcome, ref, lambda: held.record_held(claimed, outcome, mail, context.now))


def _target_of(target: FoundMask | CreatableMask) -> HeldTarget:
    match target:
        case FoundMask():
            return target.mask.ref
        case CreatableMask():
            return NewMask(target.local, target.domain)
        case _:
            assert_never(target)
