"""The bridge's spans, if tracing is on: one of each receive that brought messages, and one of each
message for the workers, or that went no further. They are linked both ways.

    poller thread   calls everything; its batch is its own
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from bridge.dispositions import Disposition
from bridge.messages import Handle, Message
from runtime import tracing
from runtime.message_context import MessageContext
from runtime.trace_header import parent_in, trace_id_of

if TYPE_CHECKING:
    from runtime.spans import Span, Spans

_SEEN = frozenset({Disposition.CONFIRMED, Disposition.SEND_CONFIRMED, Disposition.UNNEEDED})
"""Messages about our own mail, or about none: they get no span."""

_FAILED = frozenset(
    {Disposition.REJECTED, Disposition.DEFERRED, Disposition.REFUSED, Disposition.ERROR}
)

UNDECIDED = "undecided"


def trace_id_for(message: Message, own_id: str) -> str:
    """Name a message's trace: by its header, or by its own id if tracing is on."""
    return trace_id_of(message.trace_header) or tracing.name_trace(own_id)


@contextmanager
def of_batch(queue: str, messages: Sequence[Message], asked_ns: int = 0) -> Iterator[None]:
    """Make the spans of messages that are judged within. `asked_ns` is when SQS was asked for them,
    0 if they were received before.
    """
    if (spans := tracing.active()) is None or not messages:
        yield
        return
    batch = _Batch(spans, queue, len(messages), asked_ns)
    token = _batch.set(batch)
    try:
        yield
    except Exception as error:
        batch.fail(type(error).__name__)
        raise
    finally:
        _batch.reset(token)
        batch.close()


def begin_message(message: Message, known: MessageContext) -> dict[str, str]:
    """Begin a verified message's span; returns the options that let its attempts continue it."""
    batch = _batch.get()
    return {} if batch is None else {tracing.TRACEPARENT: batch.begin(message, known)}


def end_messages(messages: Sequence[Message], results: Mapping[Handle, Disposition]) -> None:
    """End the spans of messages, now that it is known what becomes of each."""
    if (batch := _batch.get()) is None:
        return
    for message in messages:
        batch.end(message, results.get(message.handle))


class _Batch:
    def __init__(self, spans: "Spans", queue: str, count: int, asked_ns: int) -> None:
        self._spans = spans
        self._queue = queue
        self._received_ns = time.time_ns()
        self._open: dict[str, Span] = {}
        self._receive: Span | None = None
        if asked_ns:
            self._receive = spans.begin(
                f"receive {queue}",
                MessageContext(),
                started_ns=asked_ns,
                attributes={**self._about("receive"), "messaging.batch.message_count": count},
            )

    def begin(self, message: Message, known: MessageContext) -> str:
        span = self._spans.begin(
            f"process {self._queue}",
            known,
            parent=parent_in(message.trace_header),
            started_ns=self._received_ns,
            attributes={
                **self._about("process"),
                "relay.receive_count": message.receive_count,
            },
            links=[self._receive] if self._receive is not None else [],
        )
        if self._receive is not None:
            self._receive.link(span)
        self._open[message.message_id] = span
        return span.traceparent

    def end(self, message: Message, disposition: Disposition | None) -> None:
        if disposition in _SEEN:
            return
        if message.message_id not in self._open:
            trace_id = trace_id_for(message, message.message_id)
            self.begin(message, MessageContext(message.message_id, trace_id=trace_id))
        span = self._open.pop(message.message_id)
        span.describe(disposition=disposition or UNDECIDED)
        if disposition is None or disposition in _FAILED:
            span.fail(disposition or UNDECIDED)
        span.end()

    def fail(self, error_type: str) -> None:
        for span in self._open.values():
            span.fail(error_type)

    def close(self) -> None:
        for span in self._open.values():
            span.end()
        if self._receive is not None:
            self._receive.end()

    def _about(self, operation: str) -> dict[str, str | int]:
        return {
            "messaging.system": "aws_sqs",
            "messaging.destination.name": self._queue,
            "messaging.operation.name": operation,
        }


_batch: ContextVar[_Batch | None] = ContextVar("batch", default=None)
