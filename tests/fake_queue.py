"""An SQS queue in memory, with its own clock: `pass_time` and long polls advance it.

Passes the same contract tests as the real one: `tests/contract/test_queues.py`.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bridge.messages import Handle, Message
from bridge.ports import EntryFailed, QueueCounts, QueueUnavailable

TOPIC = "arn:aws:sns:us-east-1:123456789012:ses-inbound"


@dataclass
class _Stored:
    message: Message
    visible_at: float
    receipt_handles: list[str] = field(default_factory=list)


class FakeQueue:
    """The queue `mail`. `confirmed` lists the confirmed topics with their tokens."""

    queue_name = "mail"

    def __init__(self, wait_seconds: float = 1, visibility_seconds: float = 30) -> None:
        self.confirmed: list[tuple[str, str]] = []
        self._wait_seconds = wait_seconds
        self._visibility_seconds = visibility_seconds
        self._now = 0.0
        self._stored: dict[str, _Stored] = {}
        self._deleted: set[str] = set()
        self._numbers = itertools.count(1)

    def put(self, body: str, message_id: str | None = None) -> str:
        """Send a message; return its id."""
        message_id = message_id or f"message-{next(self._numbers)}"
        message = Message(message_id, "", body, receive_count=0, sent_at_ms=int(self._now * 1000))
        self._stored[message_id] = _Stored(message, visible_at=self._now)
        return message_id

    def send(self, messages: Sequence[Message]) -> list[EntryFailed]:
        """Send copies of messages, which are as old as their originals."""
        for one in messages:
            copy = self.put(one.body)
            self._stored[copy].message = replace(
                self._stored[copy].message,
                sent_at_ms=one.sent_at_ms,
                trace_header=one.trace_header,
            )
        return []

    def pass_time(self, seconds: float) -> None:
        """Advance the clock. Messages whose visibility timeout has expired become visible."""
        self._now += seconds

    def receive(self, max_messages: int, *, waits: bool = True) -> list[Message]:
        if waits and not any(self._is_visible(one) for one in self._stored.values()):
            next_at = min((one.visible_at for one in self._stored.values()), default=float("inf"))
            self._now = min(next_at, self._now + self._wait_seconds)
        visible = (one for one in self._stored.values() if self._is_visible(one))
        return [self._deliver(one) for one in list(itertools.islice(visible, max_messages))]

    def delete(self, handles: Sequence[Handle]) -> list[EntryFailed]:
        """Delete by the latest receipt handle; older ones are accepted, but delete nothing."""
        failed = []
        for handle in handles:
            stored = self._find(handle)
            if stored is not None and stored.receipt_handles[-1] == handle.receipt_handle:
                del self._stored[stored.message.message_id]
                self._deleted |= set(stored.receipt_handles)
            elif stored is None and handle.receipt_handle not in self._deleted:
                failed.append(EntryFailed(handle, "ReceiptHandleIsInvalid", may_retry=False))
        return failed

    def change_visibility(self, handles: Sequence[Handle], seconds: int) -> list[EntryFailed]:
        failed = []
        for handle in handles:
            stored = self._find(handle)
            if stored is None and handle.receipt_handle not in self._deleted:
                failed.append(EntryFailed(handle, "ReceiptHandleIsInvalid", may_retry=False))
            elif stored is None or self._is_visible(stored):
                failed.append(EntryFailed(handle, "InvalidParameterValue", may_retry=False))
            elif stored.receipt_handles[-1] == handle.receipt_handle:
                stored.visible_at = self._now + seconds
        return failed

    def count(self) -> QueueCounts:
        visible = sum(self._is_visible(one) for one in self._stored.values())
        return QueueCounts(visible, delayed=0, not_visible=len(self._stored) - visible)

    def confirm_subscription(self, topic: str, token: str) -> None:
        if topic != TOPIC:
            raise QueueUnavailable("NotFound")
        self.confirmed.append((topic, token))

    def _is_visible(self, stored: _Stored) -> bool:
        return stored.visible_at <= self._now

    def _deliver(self, stored: _Stored) -> Message:
        old, handle = stored.message, f"handle-{next(self._numbers)}"
        stored.receipt_handles.append(handle)
        stored.visible_at = self._now + self._visibility_seconds
        stored.message = replace(old, receipt_handle=handle, receive_count=old.receive_count + 1)
        return stored.message

    def _find(self, handle: Handle) -> _Stored | None:
        for stored in self._stored.values():
            if handle.receipt_handle in stored.receipt_handles:
                return stored
        return None
