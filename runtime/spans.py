"""Makes spans with OpenTelemetry's SDK, and sends them. The only module that imports it.

Attributes are ids and words: whatever else is left out, so that nothing of a mail can get into one.

    any thread         makes spans; the SDK's queue takes them, and drops the oldest when it is full
    exporter's thread  sends them: a collector that is slow or away delays nobody else
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry import context as otel
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace import Span as Span

from runtime.message_context import MessageContext, first_id
from runtime.repeats import Repeats
from runtime.trace_header import Parent, write_traceparent

logger = logging.getLogger(__name__)

RECEIVE = CALL = SpanKind.CLIENT
PROCESS, INTERNAL = SpanKind.CONSUMER, SpanKind.INTERNAL

_REPORT_SECONDS = 300.0
_DIGITS = 32

_trace_id: ContextVar[int] = ContextVar("trace_id", default=0)


class _Ids(RandomIdGenerator):
    """Names a trace as its message says; any other at random."""

    def generate_trace_id(self) -> int:
        return _trace_id.get() or super().generate_trace_id()


class Spans:
    """Makes the spans of a process. Thread-safe."""

    def __init__(self, exporter: SpanExporter, service: str) -> None:
        self._provider = TracerProvider(
            resource=_resource(service), id_generator=_Ids(), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(_Reporting(exporter)))
        self._tracer = self._provider.get_tracer("sqs-mail-relay")

    def begin(
        self,
        name: str,
        message: MessageContext,
        *,
        kind: SpanKind = INTERNAL,
        parent: Parent | None = None,
        started_ns: int | None = None,
        attributes: Mapping[str, str | int] | None = None,
        links: Sequence[Span] = (),
    ) -> Span:
        """Begin a span of a message: under `parent`, or else at the top of the message's trace."""
        token = _trace_id.set(_as_number(message.trace_id))
        try:
            return self._tracer.start_span(
                name,
                context=_context_of(parent),
                kind=kind,
                attributes=_checked({**(attributes or {}), **_ids_of(message)}),
                links=[Link(one.get_span_context()) for one in links],
                start_time=started_ns,
            )
        finally:
            _trace_id.reset(token)

    @contextmanager
    def within(self, span: Span) -> Iterator[None]:
        """Make spans under this one for a while, and end it."""
        token = otel.attach(set_span_in_context(span))
        try:
            yield
        except BaseException as error:
            failed(span, type(error).__name__)
            raise
        finally:
            otel.detach(token)
            span.end()

    @contextmanager
    def child(self, name: str, attributes: Mapping[str, str]) -> Iterator[None]:
        """Make a span under this thread's, if it has one."""
        if not get_current_span().get_span_context().is_valid:
            yield
            return
        kind = CALL if name.startswith("call ") else INTERNAL
        with self.within(self._tracer.start_span(name, kind=kind, attributes=_checked(attributes))):
            yield

    def note(self, word: str, about: Sequence[str]) -> None:
        """Add a step to this thread's span, with its ids. An event for each costs more."""
        span = get_current_span()
        if span.is_recording():
            span.set_attribute(f"relay.{word}", " ".join(filter(None, map(first_id, about))))

    def stop(self, seconds: float) -> None:
        """Send what is left, for so long at most."""
        # The SDK's own shutdown waits for half a minute, and can't be told not to.
        stopping = threading.Thread(target=self._provider.shutdown, name="tracing", daemon=True)
        stopping.start()
        stopping.join(seconds)


def exporting_to(endpoint: str, service: str) -> Spans:
    """Send spans to a collector by OTLP over HTTP. The SDK reads its other `OTEL_*` by itself."""
    return Spans(OTLPSpanExporter(endpoint), service)


def attach(span: Span) -> object:
    """Make spans under this one until `detach` gets what this returns."""
    return otel.attach(set_span_in_context(span))


def detach(token: object) -> None:
    """End what `attach` began."""
    otel.detach(token)  # type: ignore[arg-type]


def describe(span: Span, **attributes: str | int) -> None:
    """Add attributes of ours, `relay.NAME`."""
    span.set_attributes(_checked({f"relay.{name}": value for name, value in attributes.items()}))


def identify(span: Span, message: MessageContext) -> None:
    """Add the ids of a message, as far as they are known now."""
    span.set_attributes(_checked(_ids_of(message)))


def failed(span: Span, error_type: str) -> None:
    """Mark a span as failed. An exception's text may quote a mail, and is left out."""
    span.set_status(StatusCode.ERROR)
    span.set_attributes(_checked({"error.type": error_type}))


def traceparent_of(span: Span) -> str:
    """Write W3C's header for what continues this span."""
    own = span.get_span_context()
    return write_traceparent(
        Parent(f"{own.trace_id:032x}", f"{own.span_id:016x}", own.trace_flags.sampled)
    )


def now_ns() -> int:
    """Return the time, as spans have it."""
    return time.time_ns()


class _Reporting(SpanExporter):
    """Says once in five minutes that the collector takes nothing. The SDK would at each batch."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._repeats = Repeats(_REPORT_SECONDS)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        if result is not SpanExportResult.SUCCESS:
            left_out = self._repeats.admit("export")
            if left_out is not None:
                extra = {"span_count": len(spans), "repeated": left_out}
                logger.warning("spans not exported", extra=extra)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


def _resource(service: str) -> Resource:
    named = "OTEL_SERVICE_NAME" in os.environ or "service.name=" in os.environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    instance = {"service.instance.id": f"{socket.gethostname()}-{os.getpid()}"}
    return Resource.create(instance if named else {"service.name": service, **instance})


def _context_of(parent: Parent | None) -> otel.Context:
    """Make the context of a parent elsewhere; without one an empty one, not this thread's."""
    if parent is None:
        return otel.Context()
    flags = TraceFlags(TraceFlags.SAMPLED if parent.is_sampled else TraceFlags.DEFAULT)
    remote = SpanContext(int(parent.trace_id, 16), int(parent.span_id, 16), True, flags)
    return set_span_in_context(NonRecordingSpan(remote), otel.Context())


def _ids_of(message: MessageContext) -> dict[str, str]:
    """Name its ids. `messaging.message.id` would say the SQS id once more."""
    return {name: one for name, one in message.as_fields().items() if name != "trace_id"}


def _checked(attributes: Mapping[str, str | int]) -> dict[str, str | int]:
    return {
        name: value
        for name, value in attributes.items()
        if isinstance(value, int) or first_id(value)
    }


def _as_number(trace_id: str) -> int:
    try:
        return int(trace_id, 16) if len(trace_id) == _DIGITS else 0
    except ValueError:
        return 0
