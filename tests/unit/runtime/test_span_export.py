"""The SDK's exporter sends spans as we have written them."""

from opentelemetry.trace import SpanContext, TraceFlags

from runtime import otlp
from runtime.span_export import SCOPE, EndedSpan, exporter_to, resource_of
from tests.collector import Collector


def test_spans_are_sent_as_they_were_written() -> None:
    """Under another name than the SDK would write, to see who wrote it."""
    collector = Collector()
    context = SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    span = EndedSpan(
        "the SDK's", context, resource=resource_of("tests"), instrumentation_scope=SCOPE
    )
    span.written = otlp.span(
        "ours",
        *(1, 1, 2, 0),
        is_parent_remote=False,
        started_ns=1,
        ended_ns=2,
        attributes={"relay.result": "done"},
        links=(),
        is_failed=False,
    )

    exporter = exporter_to(f"{collector.endpoint}/v1/traces")
    exporter.export([span, span])
    exporter.shutdown()
    collector.close()

    assert [one.name for one in collector.spans] == ["ours", "ours"]
    assert {one.service for one in collector.spans} == {"tests"}
    assert collector.spans[0].attributes == {"relay.result": "done"}
