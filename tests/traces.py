"""Tracing into memory."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from runtime import tracing
from runtime.spans import Spans


class Made:
    """The spans that were made, once all have ended."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.spans = Spans(self._exporter, "tests")

    def finished(self) -> tuple[ReadableSpan, ...]:
        """Return them, in the order of their ends. No more can be made after this."""
        self.spans.stop(30)
        return self._exporter.get_finished_spans()

    def one(self) -> ReadableSpan:
        """Return the only one."""
        (span,) = self.finished()
        return span


@contextmanager
def traced() -> Iterator[Made]:
    """Turn tracing on for a while."""
    made = Made()
    tracing.use(made.spans)
    try:
        yield made
    finally:
        tracing.use(None)
        made.spans.stop(30)


def ids(span: ReadableSpan) -> tuple[str, str]:
    """Return a span's trace and its own id, in hexadecimal."""
    context = span.get_span_context()
    assert context is not None
    return f"{context.trace_id:032x}", f"{context.span_id:016x}"
