"""The queue as the bridge sees it; `sqs.py` implements it.

A batch succeeds in part: the answer says which entries failed, and whether trying those again can
help. All other errors are one of two: `QueueUnavailable` (AWS can't be reached or is overloaded:
wait) and `QueueUnusable` (the queue or the credentials are wrong: tell the operator).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bridge.messages import Handle, Message


class QueueUnavailable(Exception):
    """AWS can't be reached or is overloaded; `code` is AWS's or botocore's name for the error.

    `at` is where it was asked, `says` its own words.
    """

    def __init__(self, code: str, at: str = "", says: str = "") -> None:
        super().__init__(code)
        self.code, self.at, self.says = code, at, says


class QueueUnusable(Exception):
    """The queue or the credentials are wrong, and waiting won't help; the fields as above."""

    def __init__(self, code: str, at: str = "", says: str = "") -> None:
        super().__init__(code)
        self.code, self.at, self.says = code, at, says


@dataclass(frozen=True, slots=True)
class EntryFailed:
    """One entry of a batch that SQS refused; `may_retry` tells whether SQS blames itself."""

    handle: Handle
    code: str
    may_retry: bool


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """SQS's approximate counts of the messages in the queue."""

    visible: int
    delayed: int
    not_visible: int


class Queue(Protocol):
    """One SQS queue. Several threads use it at once."""

    @property
    def queue_name(self) -> str:
        """The queue's name: the last part of its URL."""

    def receive(self, max_messages: int, *, waits: bool = True) -> list[Message]:
        """Receive up to `max_messages` (1 to 10), waiting for the first one, or as they are."""

    def send(self, messages: Sequence[Message]) -> list[EntryFailed]:
        """Send copies of messages, as old as they are; returns those that SQS did not take."""

    def delete(self, handles: Sequence[Handle]) -> list[EntryFailed]:
        """Delete messages; returns those that SQS would not delete."""

    def change_visibility(self, handles: Sequence[Handle], seconds: int) -> list[EntryFailed]:
        """Hide messages for `seconds` from now; 0 releases them. Returns those that failed."""

    def count(self) -> QueueCounts:
        """Ask how many messages there are. The numbers are approximate."""

    def confirm_subscription(self, topic: str, token: str) -> None:
        """Confirm that the SNS topic may send to the queue."""
