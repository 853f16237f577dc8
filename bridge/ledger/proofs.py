"""Proofs of what the ledger says, so that nobody who merely writes to Redis can have mail deleted.

A bridge deletes a message from SQS because Redis says that its actor ended. So whoever ended it
signs its id and how it ended, and who received it signs which receipt handle is its: SQS deletes
whatever the handle stands for, whichever id it is given. The other entries only say when something
is done; what they can do if they are wrong is in docs/redis.md.
"""

from bridge.messages import Handle
from runtime.seals import Seals

_ENDED, _HANDLE = "ended", "handle"


class Proofs:
    """Makes and checks the proofs."""

    def __init__(self, seals: Seals) -> None:
        self._seals = seals

    def of_end(self, message_id: str, state: str) -> str:
        """Prove that a message's actor ended; `state` is 'done' or 'failed'."""
        return self._seals.sign(_ENDED, message_id, state)

    def shows_end(self, proof: str, message_id: str, state: str) -> bool:
        """Whether this proves it."""
        return self._seals.is_signed(proof, _ENDED, message_id, state)

    def write_handle(self, handle: Handle) -> str:
        """Write a receipt handle for Redis, with the proof of whose it is."""
        proof = self._seals.sign(_HANDLE, handle.message_id, handle.receipt_handle)
        return f"{handle.receipt_handle} {proof}"

    def read_handle(self, message_id: str, text: str) -> Handle | None:
        """Read a receipt handle from Redis; None: it is not proved to be this message's."""
        handle = unproved_handle(message_id, text)
        proof = text.partition(" ")[2]
        signed = (_HANDLE, message_id, handle.receipt_handle)
        return handle if self._seals.is_signed(proof, *signed) else None


def unproved_handle(message_id: str, text: str) -> Handle:
    """Read a receipt handle that is only used to hide a message, or to show it again."""
    return Handle(message_id, text.partition(" ")[0])
