"""Makes spans, and sends them with OpenTelemetry's SDK, which only this and `span_export` import.

The SDK samples, queues and sends. The spans are ours until they end, and are written by `otlp`
then: an SDK's span guards against what cannot happen here, and costs five times as much.

Attributes are ids and words: whatever else is left out, so that nothing of a mail can get into one.

    any thread         makes spans, and ends those that it began; the SDK's queue takes them, and
                       drops the oldest when it is full
    exporter's thread  sends them: a collector that is slow or away delays nobody else
"""

import random
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar, Token
from types import TracebackType

from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from runtime import otlp
from runtime.message_context import MessageContext, first_id
from runtime.span_export import SCOPE, EndedSpan, Reporting, exporter_to, resource_of
from runtime.trace_header import Parent, write_traceparent

_KINDS = {"receive": SpanKind.CLIENT, "process": SpanKind.CONSUMER, "call": SpanKind.CLIENT}
"""By the first word of a span's name; others are internal."""
_IN_OTLP = {SpanKind.INTERNAL: 1, SpanKind.CLIENT: 3, SpanKind.CONSUMER: 5}

_DIGITS = 32
_FLAGS = TraceFlags(TraceFlags.DEFAULT), TraceFlags(TraceFlags.SAMPLED)
_UNSET, _ERROR = Status(StatusCode.UNSET), Status(StatusCode.ERROR)


class Span:
    """A span that has not ended. Entered, it is the one that its thread's parts are under."""

    __slots__ = (
        "_attributes",
        "_links",
        "_name",
        "_parent",
        "_spans",
        "_started_ns",
        "_status",
        "_token",
        "context",
    )

    def __init__(
        self,
        spans: "Spans",
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        attributes: dict[str, str | int],
        links: Sequence[Link] = (),
        started_ns: int = 0,
    ) -> None:
        self._spans = spans
        self._name = name
        self.context = context
        self._parent = parent
        self._attributes = attributes
        self._links = list(links)
        self._started_ns = started_ns or time.time_ns()
        self._status = _UNSET
        self._token: Token[Span | None] | None = None

    @property
    def is_sampled(self) -> bool:
        """Whether it will be sent."""
        return self.context.trace_flags.sampled

    @property
    def traceparent(self) -> str:
        """W3C's header for what continues this span."""
        own = self.context
        return write_traceparent(
            Parent(f"{own.trace_id:032x}", f"{own.span_id:016x}", self.is_sampled)
        )

    def describe(self, **attributes: str | int) -> None:
        """Add attributes of ours, `relay.NAME`."""
        for name, value in attributes.items():
            self._attributes |= _checked([(f"relay.{name}", value)])

    def note(self, word: str, about: Sequence[str]) -> None:
        """Add a step with its ids."""
        self._attributes[f"relay.{word}"] = " ".join(filter(None, map(first_id, about)))

    def identify(self, message: MessageContext) -> None:
        """Add the ids of a message, as far as they are known now."""
        self._attributes |= _ids_of(message)

    def link(self, other: "Span") -> None:
        """Link another span."""
        self._links.append(Link(other.context))

    def fail(self, error_type: str) -> None:
        """Mark it as failed. An exception's text may quote a mail, and is left out."""
        self._status = _ERROR
        self._attributes |= _checked([("error.type", error_type)])

    def end(self) -> None:
        """End it, and leave it if it was entered."""
        if self._token is not None:
            _current.reset(self._token)
            self._token = None
        if self.is_sampled:
            self._spans.take(self._ended())

    def __enter__(self) -> "Span":
        self._token = _current.set(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            self.fail(type(error).__name__)
        self.end()

    def _ended(self) -> EndedSpan:
        kind, ended_ns = _kind_of(self._name), time.time_ns()
        ended = EndedSpan(
            self._name,
            self.context,
            self._parent,
            self._spans.resource,
            self._attributes,
            (),
            self._links,
            kind,
            status=self._status,
            start_time=self._started_ns,
            end_time=ended_ns,
            instrumentation_scope=SCOPE,
        )
        ended.written = otlp.span(
            self._name,
            _IN_OTLP[kind],
            self.context.trace_id,
            self.context.span_id,
            self._parent.span_id if self._parent else 0,
            is_parent_remote=self._parent is not None and self._parent.is_remote,
            started_ns=self._started_ns,
            ended_ns=ended_ns,
            attributes=self._attributes,
            links=[(one.context.trace_id, one.context.span_id) for one in self._links],
            is_failed=self._status is _ERROR,
        )
        return ended


_current: ContextVar[Span | None] = ContextVar("span", default=None)


class Spans:
    """Makes the spans of a process. Thread-safe."""

    def __init__(self, exporter: SpanExporter, service: str) -> None:
        provider = TracerProvider(resource=resource_of(service), shutdown_on_exit=False)
        self.resource = provider.resource
        # As `OTEL_TRACES_SAMPLER` says.
        self._sampler = provider.sampler
        self._processor = BatchSpanProcessor(Reporting(exporter))
        self.take = self._processor.on_end

    def begin(
        self,
        name: str,
        message: MessageContext,
        *,
        parent: Parent | None = None,
        started_ns: int = 0,
        attributes: Mapping[str, str | int] | None = None,
        links: Sequence[Span] = (),
    ) -> Span:
        """Begin a span of a message: under `parent`, or else at the top of the message's trace."""
        above = None if parent is None else _context_of(parent)
        trace_id = above.trace_id if above else _trace_id_of(message)
        known = _ids_of(message) | _checked((attributes or {}).items())
        linked = [Link(one.context) for one in links]
        sampled = self._sampler.should_sample(
            set_span_in_context(NonRecordingSpan(above), Context()) if above else Context(),
            trace_id,
            name,
            _kind_of(name),
            known,
            linked,
        )
        context = _new_context(trace_id, is_sampled=sampled.decision is Decision.RECORD_AND_SAMPLE)
        return Span(self, name, context, above, known, linked, started_ns)

    def child(self, name: str, attributes: Mapping[str, str]) -> AbstractContextManager[object]:
        """Make a span under this thread's, if it has one."""
        if (above := _current.get()) is None:
            return nullcontext()
        context = _new_context(above.context.trace_id, is_sampled=above.is_sampled)
        return Span(self, name, context, above.context, _checked(attributes.items()))

    def note(self, word: str, about: Sequence[str]) -> None:
        """Add a step to this thread's span, with its ids. An event for each costs more."""
        if (span := _current.get()) is not None:
            span.note(word, about)

    def stop(self, seconds: float) -> None:
        """Send what is left, for so long at most."""
        # The SDK's own shutdown waits for half a minute, and can't be told not to.
        stopping = threading.Thread(target=self._processor.shutdown, name="tracing", daemon=True)
        stopping.start()
        stopping.join(seconds)


def exporting_to(endpoint: str, service: str) -> Spans:
    """Send spans to a collector by OTLP over HTTP. The SDK reads its other `OTEL_*` by itself."""
    return Spans(exporter_to(endpoint), service)


def _kind_of(name: str) -> SpanKind:
    return _KINDS.get(name.partition(" ")[0], SpanKind.INTERNAL)


def _context_of(parent: Parent) -> SpanContext:
    return SpanContext(
        int(parent.trace_id, 16), int(parent.span_id, 16), True, _FLAGS[parent.is_sampled]
    )


def _new_context(trace_id: int, *, is_sampled: bool) -> SpanContext:
    return SpanContext(trace_id, random.getrandbits(64) or 1, False, _FLAGS[is_sampled])


def _trace_id_of(message: MessageContext) -> int:
    """Name a trace as its message says; any other at random."""
    try:
        said = int(message.trace_id, 16) if len(message.trace_id) == _DIGITS else 0
    except ValueError:
        said = 0
    return said or random.getrandbits(128) or 1


def _ids_of(message: MessageContext) -> dict[str, str | int]:
    """Name its ids. `messaging.message.id` would say the SQS id once more."""
    return _checked((name, one) for name, one in message.as_fields().items() if name != "trace_id")


def _checked(attributes: Iterable[tuple[str, str | int]]) -> dict[str, str | int]:
    return {name: one for name, one in attributes if isinstance(one, int) or first_id(one)}
