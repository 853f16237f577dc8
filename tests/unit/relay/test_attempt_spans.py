"""The spans of attempts: under which one, in which trace, and what they say."""

from collections.abc import Iterator
from typing import Any, cast

import dramatiq
import pytest
from dramatiq.broker import MessageProxy
from opentelemetry.sdk.trace import ReadableSpan

from emails.values.errors import Refused
from emails.values.outcomes import RefuseReason
from emails.wire import ABOUT, SQS_MESSAGE_ID
from relay.config import RelayConfig
from relay.worker.middleware.attempt_spans import AttemptSpans
from relay.worker.middleware.message_ids import MessageIds
from runtime import message_context
from runtime.message_context import MessageContext
from runtime.trace_header import trace_id_from
from tests.traces import Made, ids, traced

TRACE, SPAN = "5759e988bd862e3fe1be46a994272793", "53995c3f42cd8ad8"
KNOWN = MessageContext("m1", "sns1", "key1")
BROKER = cast("dramatiq.Broker", None)


@pytest.fixture
def made() -> Iterator[Made]:
    with traced() as made:
        yield made
    message_context.end()


def attempt(
    made: Made, failure: BaseException | None = None, *, is_last: bool = False, **options: Any
) -> ReadableSpan:
    options = {SQS_MESSAGE_ID: "m1", ABOUT: KNOWN.to_text()} | options
    message = MessageProxy(dramatiq.Message("inbound", "process", (), {}, options))
    spans = AttemptSpans(cast("RelayConfig", None))
    MessageIds().before_process_message(BROKER, message)
    spans.before_process_message(BROKER, message)
    assert message_context.current().trace_id
    if is_last:
        message.fail()
    spans.after_process_message(BROKER, message, exception=failure)
    return made.one()


def test_an_attempt_continues_the_bridges_span(made: Made) -> None:
    span = attempt(made, traceparent=f"00-{TRACE}-{SPAN}-01")

    assert ids(span)[0] == TRACE == message_context.current().trace_id
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == SPAN


@pytest.mark.parametrize("traceparent", [None, "", "00-x", {"a": 1}, f"00-{'0' * 32}-{SPAN}-01"])
def test_what_names_no_span_leaves_the_attempt_in_its_mails_trace(
    made: Made, traceparent: object
) -> None:
    span = attempt(made, traceparent=traceparent)

    assert ids(span)[0] == trace_id_from("sns1")
    assert span.parent is None


@pytest.mark.parametrize(
    ("failure", "is_last", "result", "error_type"),
    [
        (None, False, "done", None),
        (ValueError("ann@sender.example"), False, "to_be_retried", "ValueError"),
        (Refused(RefuseReason.NOT_A_MAIL), True, "dead_lettered", "not_a_mail"),
        (None, True, "dead_lettered", "dead_lettered"),
    ],
)
def test_a_span_says_how_its_attempt_ended(
    made: Made, failure: Exception | None, is_last: bool, result: str, error_type: str | None
) -> None:
    span = attempt(made, failure, is_last=is_last, retries=1, put_backs=2)

    attributes = span.attributes or {}
    assert (attributes["relay.result"], attributes["relay.attempt"]) == (result, 4)
    assert attributes.get("error.type") == error_type
    assert "@" not in span.to_json()


def test_jobs_have_no_spans(made: Made) -> None:
    job = MessageProxy(dramatiq.Message("default", "clean_up", (), {}, {}))
    spans = AttemptSpans(cast("RelayConfig", None))

    spans.before_process_message(BROKER, job)
    spans.after_process_message(BROKER, job)

    assert made.finished() == ()
