"""Hands spans to OpenTelemetry's exporter, which sends them by OTLP over HTTP.

The exporter reads its own `OTEL_*`: headers, certificates, timeout, compression.
"""

import logging
import os
import socket
from collections.abc import Sequence
from functools import cache

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http import trace_exporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext

from runtime import otlp
from runtime.repeats import Repeats

logger = logging.getLogger(__name__)

SCOPE = InstrumentationScope("sqs-mail-relay")

_REPORT_SECONDS = 300.0


class EndedSpan(ReadableSpan):
    """A span as the SDK knows it, and as it is sent."""

    written: bytes


def exporter_to(endpoint: str) -> SpanExporter:
    """Make an exporter that sends spans as they were written."""
    # It can't be given an encoder. A release of it that doesn't look here uses its own.
    vars(trace_exporter)["encode_spans"] = _Request
    return trace_exporter.OTLPSpanExporter(endpoint)


def resource_of(service: str) -> Resource:
    """Name this process, as `service` if no setting does."""
    named = "OTEL_SERVICE_NAME" in os.environ or "service.name=" in os.environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    instance = {"service.instance.id": f"{socket.gethostname()}-{os.getpid()}"}
    return Resource.create(instance if named else {"service.name": service, **instance})


class _Request:
    """Stands in for the SDK's request of protobuf."""

    def __init__(self, spans: Sequence[EndedSpan]) -> None:
        self._spans = spans

    def SerializePartialToString(self) -> bytes:  # noqa: N802 - protobuf's name
        """Join the spans, which are written already."""
        head = _head_of(self._spans[0].resource)
        return otlp.request(*head, [one.written for one in self._spans])


@cache
def _head_of(resource: Resource) -> tuple[bytes, bytes]:
    """Write a resource and our scope, as the SDK does."""
    span = ReadableSpan(
        "", SpanContext(1, 1, is_remote=False), resource=resource, instrumentation_scope=SCOPE
    )
    (of_resource,) = encode_spans([span]).resource_spans
    scope: bytes = of_resource.scope_spans[0].scope.SerializeToString()
    return of_resource.resource.SerializeToString(), scope


class Reporting(SpanExporter):
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
