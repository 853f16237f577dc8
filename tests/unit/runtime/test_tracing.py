"""When there are spans, what they say, and that they never stand in anybody's way."""

import logging
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, StatusCode

from runtime import message_context, story, tracing
from runtime.config import SharedConfig
from runtime.env import load
from runtime.message_context import MessageContext
from runtime.spans import Spans
from runtime.trace_header import Parent, trace_id_from
from tests.traces import ids, traced

BASE, WHOLE = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
OFF = "OTEL_SDK_DISABLED"
TRACE = "5759e988bd862e3fe1be46a994272793"
MAIL = MessageContext("m1", "sns1", "key1", TRACE)


def config(**environ: str) -> SharedConfig:
    return load(SharedConfig, {"AWS_REGION": "us-east-1"} | environ)


@pytest.mark.parametrize(
    ("environ", "endpoint"),
    [
        ({}, None),
        ({BASE: "", WHOLE: ""}, None),
        ({BASE: "http://c:4318"}, "http://c:4318/v1/traces"),
        ({BASE: "https://c/otel/"}, "https://c/otel/v1/traces"),
        ({WHOLE: "http://c:4318/x"}, "http://c:4318/x"),
        ({BASE: "http://c:4318", WHOLE: "http://d/x"}, "http://d/x"),
        ({BASE: "http://c:4318", OFF: "true"}, None),
        ({BASE: "http://c:4318", OFF: "false"}, "http://c:4318/v1/traces"),
    ],
)
def test_spans_go_where_a_standard_variable_says(
    environ: dict[str, str], endpoint: str | None
) -> None:
    assert tracing.endpoint_in(config(**environ)) == endpoint


def test_without_the_extra_a_process_says_so_and_runs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "runtime.spans", None)

    tracing.start(config(**{BASE: "http://c:4318"}), "tests")

    assert tracing.active() is None
    assert [one.getMessage() for one in caplog.records] == [
        "tracing needs the packages of the extra otel"
    ]


@pytest.mark.parametrize("module", ["bridge.__main__", "relay.settings"])
def test_off_nothing_of_opentelemetry_is_imported(module: str) -> None:
    script = f"import tests.environment, {module}, sys; sys.exit('opentelemetry' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_off_nothing_is_named_and_nothing_made() -> None:
    with tracing.child("deliver"), tracing.releasing("sns1"):
        story.note("claimed")
        assert message_context.current() == MessageContext()
    assert tracing.name_trace("sns1") == ""


def test_a_span_is_in_the_trace_of_its_message_and_has_its_ids() -> None:
    with traced() as made:
        made.spans.begin("process mail", MAIL).end()

        span = made.one()

    assert ids(span)[0] == TRACE
    assert span.attributes == {
        "sqs_message_id": "m1",
        "sns_message_id": "sns1",
        "mail_id": "key1",
    }


@pytest.mark.parametrize("trace_id", ["", "x" * 32, "0" * 32, "5759"])
def test_what_is_no_trace_is_replaced(trace_id: str) -> None:
    with traced() as made:
        made.spans.begin("process mail", MessageContext(trace_id=trace_id)).end()

        span = made.one()

    assert int(ids(span)[0], 16) > 0


def test_steps_are_attributes_and_parts_are_children() -> None:
    with traced() as made:
        with made.spans.begin("process mail", MAIL), tracing.child("call s3"):
            story.note("claimed", "7-abc", "forwarded")
        child, parent = made.finished()

    assert (child.name, parent.name) == ("call s3", "process mail")
    assert child.parent is not None
    assert f"{child.parent.span_id:016x}" == ids(parent)[1]
    assert child.attributes == {"relay.claimed": "7-abc forwarded"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("receive mail", SpanKind.CLIENT),
        ("process mail", SpanKind.CONSUMER),
        ("call ses", SpanKind.CLIENT),
        ("deliver", SpanKind.INTERNAL),
    ],
)
def test_a_spans_kind_is_that_of_its_first_word(name: str, kind: SpanKind) -> None:
    with traced() as made:
        with made.spans.begin(name, MAIL), tracing.child(name):
            pass

        assert {span.kind for span in made.finished()} == {kind}


def test_nothing_but_ids_and_words_gets_in() -> None:
    secrets = ("ann@sender.example", "the subject is swordfish", "x" * 300)
    with traced() as made:
        with suppress(ValueError), made.spans.begin("process mail", MAIL):
            for secret in secrets:
                story.note("claimed", secret, "7-abc")
                with tracing.child("deliver", **{"relay.purpose": secret}):
                    pass
            raise ValueError("swordfish of ann@sender.example")
        finished = made.finished()

    parent = finished[-1]
    assert parent.status.status_code is StatusCode.ERROR
    assert (parent.attributes or {})["error.type"] == "ValueError"
    said = " ".join(span.to_json() for span in finished)
    assert not any(secret in said for secret in (*secrets, "swordfish", "@"))


def test_a_part_of_no_message_has_no_span() -> None:
    with traced() as made:
        with tracing.child("deliver"):
            story.note("claimed")

        assert made.finished() == ()


def test_a_release_is_in_the_trace_of_its_mail() -> None:
    with traced() as made:
        trace_id = tracing.name_trace("sns1")
        with tracing.releasing("sns1"):
            assert message_context.current().trace_id == trace_id

        assert ids(made.one())[0] == trace_id
    assert message_context.current() == MessageContext()


class Hangs(SpanExporter):
    """Never answers."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.may_answer.wait()
        return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        return


class Refuses(Hangs):
    """Fails at once."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer.set()


def test_a_collector_that_hangs_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "10")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "5")
    exporter = Hangs()
    spans = Spans(exporter, "tests")

    for _ in range(100):
        spans.begin("process mail", MAIL).end()
    spans.stop(0.01)

    # It ends before the next test: what it says then is not that one's.
    exporter.may_answer.set()
    for thread in threading.enumerate():
        if thread.name.startswith("OtelBatch"):
            thread.join(30)


def test_a_collector_that_refuses_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1")
    spans = Spans(Refuses(), "tests")

    for _ in range(5):
        spans.begin("process mail", MAIL).end()
    spans.stop(30)

    ours = [one for one in caplog.records if one.name == "runtime.span_export"]
    assert [(one.levelno, one.getMessage()) for one in ours] == [
        (logging.WARNING, "spans not exported")
    ]


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({}, "mail-relay-bridge"),
        ({"OTEL_SERVICE_NAME": "mine"}, "mine"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=mine,team=mail"}, "mine"),
    ],
)
def test_a_service_has_the_operators_name_or_ours(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], name: str
) -> None:
    for variable, value in environ.items():
        monkeypatch.setenv(variable, value)
    spans = Spans(Refuses(), "mail-relay-bridge")

    assert spans.resource.attributes["service.name"] == name
    spans.stop(30)


def test_a_trace_that_was_not_sampled_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    with traced() as made:
        span = made.spans.begin("process mail", MAIL)
        span.describe(disposition="enqueued")
        span.end()

        assert span.traceparent.startswith(f"00-{TRACE}-")
        assert span.traceparent.endswith("-00")
        assert made.finished() == ()


SAMPLED, NOT_SAMPLED = (
    Parent(TRACE, "53995c3f42cd8ad8", is_sampled) for is_sampled in (True, False)
)


@pytest.mark.parametrize(
    ("sampler", "argument", "parent", "is_sampled"),
    [
        (None, None, None, True),
        (None, None, NOT_SAMPLED, False),
        ("always_off", None, SAMPLED, False),
        ("always_on", None, NOT_SAMPLED, True),
        ("parentbased_always_off", None, SAMPLED, True),
        ("traceidratio", "0", None, False),
        ("traceidratio", "1", NOT_SAMPLED, True),
        ("parentbased_traceidratio", "0", None, False),
        ("parentbased_traceidratio", "0", SAMPLED, True),
    ],
)
def test_the_standard_variables_say_which_mails_are_traced_and_their_parts_follow(
    monkeypatch: pytest.MonkeyPatch,
    sampler: str | None,
    argument: str | None,
    parent: Parent | None,
    is_sampled: bool,
) -> None:
    for name, value in (("", sampler), ("_ARG", argument)):
        if value is not None:
            monkeypatch.setenv(f"OTEL_TRACES_SAMPLER{name}", value)
    with traced() as made:
        with made.spans.begin("process mail", MAIL, parent=parent), tracing.child("call s3"):
            pass

        assert len(made.finished()) == 2 * is_sampled


def test_a_share_of_the_mails_is_traced_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts decide as the bridge did, also if Redis has lost what it said."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    mails = [MessageContext(trace_id=trace_id_from(str(number))) for number in range(100)]
    with traced() as made:
        for mail in mails:
            made.spans.begin("process queue", mail).end()
            made.spans.begin("process inbound", mail).end()
        found = Counter(ids(span)[0] for span in made.finished())

    assert set(found.values()) == {2}
    assert 20 < len(found) < 80
