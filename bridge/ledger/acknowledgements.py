"""Acknowledgements: what the workers tell the bridge of messages whose actors have ended."""

import json
from dataclasses import dataclass

from bridge.messages import Handle


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What a worker tells the bridge of a message whose actor has ended.

    `reason` names the failure; it is empty for a message that succeeded.
    """

    handle: Handle
    received_at_ms: int
    succeeded: bool
    reason: str

    @classmethod
    def from_json(cls, text: bytes) -> "Acknowledgement":
        """Read one from the list in Redis."""
        data = json.loads(text)
        handle = Handle(data.pop("message_id"), data.pop("receipt_handle"))
        return cls(handle=handle, **data)

    def to_json(self) -> str:
        """Write one for the list in Redis, as `lua/acknowledge.lua` does."""
        return json.dumps(
            {
                "message_id": self.handle.message_id,
                "receipt_handle": self.handle.receipt_handle,
                "received_at_ms": self.received_at_ms,
                "succeeded": self.succeeded,
                "reason": self.reason,
            }
        )
