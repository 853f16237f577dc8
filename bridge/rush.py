"""Receives several batches at once while a queue is full of messages.

A call to SQS takes longer than to judge what it brings, and whatever stands behind a backlog, such
as a bounce, waits until that is sifted. A call that may wait for messages is always alone: what
others bring must not wait for it.

    poller thread      everything but the following
    receiver threads   one call each; the poller waits for all
"""

from concurrent.futures import ThreadPoolExecutor

from bridge.config import SQS_MAX_BATCH
from bridge.messages import Message
from bridge.ports import Queue, QueueUnavailable, QueueUnusable

MOST_CALLS = 4


class Rush:
    """Decides how many calls receive at once from one queue, and makes them."""

    def __init__(self, most_calls: int = 1) -> None:
        self.calls = 1
        self._most_calls = most_calls
        self._receivers = ThreadPoolExecutor(most_calls, thread_name_prefix="receiver")

    def receive(self, queue: Queue, wanted: int, *, waits: bool) -> list[Message]:
        """Receive up to `wanted` messages. Errors of SQS pass through if no call worked."""
        if is_one_call(wanted):
            messages = queue.receive(wanted, waits=waits)
        else:
            messages = self._receive_at_once(queue, wanted)
        self.calls = min(self._most_calls, next_calls(self.calls, wanted, len(messages)))
        return messages

    def close(self) -> None:
        """End the threads."""
        self._receivers.shutdown()

    def _receive_at_once(self, queue: Queue, wanted: int) -> list[Message]:
        answers = [
            self._receivers.submit(queue.receive, min(SQS_MAX_BATCH, wanted - start), waits=False)
            for start in range(0, wanted, SQS_MAX_BATCH)
        ]
        messages: list[Message] = []
        errors: list[QueueUnavailable | QueueUnusable] = []
        for answer in answers:
            try:
                messages += answer.result()
            except (QueueUnavailable, QueueUnusable) as error:
                errors.append(error)
        if len(errors) == len(answers):
            raise errors[0]
        return messages


def is_one_call(wanted: int) -> bool:
    """Whether one call brings so many messages; only then it may wait for them. Pure."""
    return wanted <= SQS_MAX_BATCH


def next_calls(calls: int, wanted: int, received: int) -> int:
    """Return how many calls the next receive makes, after these brought `received`. Pure.

    Twice as many after all that was wanted; one, which may wait, after less than half: SQS has
    little more.
    """
    if received >= wanted:
        return 2 * calls
    return calls if 2 * received >= wanted else 1
