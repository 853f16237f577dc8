"""Holds a mail: copies it to where it is kept, and then records that.

    copy      To a key of this delivery's own, so an attempt that repeats this changes nothing. If
              this attempt fails next, the copy is nobody's, and the bucket's expiry removes it.
    record    One transaction: the delivery's outcome, and the row that leads to the copy.

SES's own copy is deleted as always, after all recipients are settled: by then, ours is recorded.
"""

from typing import assert_never

from emails.flow.context import Context
from emails.flow.deliver import Result
from emails.flow.inbound import Inbound
from emails.rules.forward import Hold
from emails.rules.sender_blocks import sender_to_block
from emails.store import held, sender_blocks
from emails.values.deliveries import Claim
from emails.values.facts import CreatableMask, FoundMask
from emails.values.held import PREFIX, HeldTarget, NewMask, ToHold
from emails.values.notifications import StoredMail
from emails.values.outcomes import Held


def hold(context: Context, inbound: Inbound, decision: Hold, claimed: Claim) -> Result:
    """Hold the mail for the owner of its mask. Raises `NotFinished` or `Refused`."""
    policy, outcome = context.ports.policy, Held(decision.reason)
    kept = StoredMail(policy.bucket, f"{PREFIX}{claimed.reference}")
    size = inbound.keep_as(kept)
    received_at = inbound.received_at or context.now
    owner, sender = decision.target.owner, sender_to_block(inbound.facts())
    secret = context.ports.reply_secret
    hashed = sender_blocks.hash_sender(sender, owner.id, secret) if sender else None
    to_hold = ToHold(
        owner_id=owner.id,
        target=_target_of(decision.target),
        mail=kept,
        size=size,
        verdicts=inbound.notified_facts().verdicts,
        sender=hashed,
        received_at=min(received_at, context.now),
        expires_at=context.now + policy.keep_held,
    )
    return Result(
        outcome,
        decision.target.mask.ref if isinstance(decision.target, FoundMask) else None,
        lambda: held.record_held(claimed, outcome, to_hold, context.now),
    )


def _target_of(target: FoundMask | CreatableMask) -> HeldTarget:
    match target:
        case FoundMask():
            return target.mask.ref
        case CreatableMask():
            return NewMask(target.local, target.domain)
        case _:
            assert_never(target)
