"""A message as SQS delivers it, and the handle by which it is deleted or hidden."""

from dataclasses import dataclass

MAX_HIDDEN_SECONDS = 12 * 3600
"""How long SQS hides a message at most, from the moment when it was received."""


@dataclass(frozen=True, slots=True)
class Handle:
    """Identifies one delivery of a message, to delete or hide it."""

    message_id: str
    receipt_handle: str


@dataclass(frozen=True, slots=True)
class Message:
    """One SQS message as received: `receive_count` is how often, `sent_at_ms` when it was sent.

    `trace_header` is X-Ray's, from which the trace's id comes; empty if nobody traces.
    """

    message_id: str
    receipt_handle: str
    body: str
    receive_count: int
    sent_at_ms: int
    trace_header: str = ""

    @property
    def handle(self) -> Handle:
        """The handle of this delivery."""
        return Handle(self.message_id, self.receipt_handle)
