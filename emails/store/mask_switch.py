"""Turns masks off and on again, for their owners."""

from emails.store.database import raises_not_finished
from emails.store.lookups import row_of
from emails.values.facts import Block, MaskRef


@raises_not_finished
def record_block(owner_id: int, mask: MaskRef, block: Block) -> bool:
    """Set what an owner's mask blocks; return whether that was something else before."""
    rows = row_of(mask).filter(profile_id=owner_id).exclude(block=block.value)
    return rows.update(block=block.value) > 0
