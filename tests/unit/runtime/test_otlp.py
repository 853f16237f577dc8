"""What we write is what OpenTelemetry's own encoder writes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from runtime import otlp

RESOURCE = Resource({"service.name": "tests"})
SCOPE = InstrumentationScope("ours")
SAMPLED = TraceFlags(TraceFlags.SAMPLED)
KINDS = {SpanKind.INTERNAL: 1, SpanKind.CLIENT: 3, SpanKind.CONSUMER: 5}

span_ids = st.integers(1, 2**64 - 1)
trace_ids = st.integers(1, 2**128 - 1)
values = st.text(max_size=300) | st.integers(-(2**63), 2**63 - 1)
TIME = 1_790_000_000_000_000_000


@given(
    trace_id=trace_ids,
    span_id=span_ids,
    parent=st.none() | st.tuples(span_ids, st.booleans()),
    name=st.text(max_size=200),
    kind=st.sampled_from(list(KINDS)),
    attributes=st.dictionaries(st.text(min_size=1, max_size=200), values, max_size=5),
    links=st.lists(st.tuples(trace_ids, span_ids), max_size=3),
    is_failed=st.booleans(),
)
def test_a_span_reads_as_if_the_sdk_had_written_it(
    trace_id: int,
    span_id: int,
    parent: tuple[int, bool] | None,
    name: str,
    kind: SpanKind,
    attributes: dict[str, str | int],
    links: list[tuple[int, int]],
    is_failed: bool,
) -> None:
    theirs = encode_spans(
        [
            ReadableSpan(
                name,
                SpanContext(trace_id, span_id, False, SAMPLED),
                SpanContext(trace_id, parent[0], parent[1], SAMPLED) if parent else None,
                RESOURCE,
                attributes,
                links=[Link(SpanContext(*one, False, SAMPLED)) for one in links],
                kind=kind,
                status=Status(StatusCode.ERROR if is_failed else StatusCode.UNSET),
                start_time=TIME,
                end_time=TIME + 1,
                instrumentation_scope=SCOPE,
            )
        ]
    )
    (of_resource,) = theirs.resource_spans
    (of_scope,) = of_resource.scope_spans

    ours = otlp.span(
        name,
        KINDS[kind],
        trace_id,
        span_id,
        parent[0] if parent else 0,
        is_parent_remote=bool(parent and parent[1]),
        started_ns=TIME,
        ended_ns=TIME + 1,
        attributes=attributes,
        links=links,
        is_failed=is_failed,
    )

    resource, scope = of_resource.resource.SerializeToString(), of_scope.scope.SerializeToString()
    read = ExportTraceServiceRequest.FromString(otlp.request(resource, scope, [ours]))
    assert read == theirs


@pytest.mark.parametrize("number", [0, 1, 3])
def test_a_request_has_all_its_spans(number: int) -> None:
    spans = [
        otlp.span(
            "process mail",
            *(1, 7, one + 1, 0),
            is_parent_remote=False,
            started_ns=1,
            ended_ns=2,
            attributes={},
            links=(),
            is_failed=False,
        )
        for one in range(number)
    ]

    (found,) = ExportTraceServiceRequest.FromString(otlp.request(b"", b"", spans)).resource_spans
    assert [span.span_id[-1] for span in found.scope_spans[0].spans] == list(range(1, number + 1))
