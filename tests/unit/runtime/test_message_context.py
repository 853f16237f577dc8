"""Which message a thread works on: what the log and Sentry say of it, and what Redis may claim."""

import json
import logging
import threading
from typing import Any

import pytest

from runtime import message_context
from runtime.logging import JsonFormatter, WithMessageIds
from runtime.message_context import MessageContext, about, first_id, from_text
from runtime.sentry import scrub
from runtime.trace_header import trace_id_of

KNOWN = MessageContext("sqs-1", "sns-1", "mails/0a1b", "5759e988bd862e3fe1be46a994272793", 1_000)
IDS = {
    "sqs_message_id": "sqs-1",
    "sns_message_id": "sns-1",
    "mail_id": "mails/0a1b",
    "trace_id": "5759e988bd862e3fe1be46a994272793",
}


def a_line(**extra: str) -> dict[str, Any]:
    record = logging.makeLogRecord({"msg": "a line", "name": "test", "levelno": 20, **extra})
    assert WithMessageIds().filter(record)
    line: dict[str, Any] = json.loads(JsonFormatter().format(record))
    return line


def test_a_line_has_the_ids_of_the_message_that_its_thread_works_on() -> None:
    with about(KNOWN):
        assert IDS.items() <= a_line().items()
        assert IDS.items() <= a_line(sqs_message_id="sqs-1").items()

    assert IDS.keys().isdisjoint(a_line())


def test_a_line_about_another_message_gets_no_ids_of_this_one() -> None:
    with about(KNOWN):
        line = a_line(sqs_message_id="sqs-2")

    assert line["sqs_message_id"] == "sqs-2"
    assert "sns_message_id" not in line


def test_each_thread_has_its_own_message() -> None:
    seen: list[MessageContext] = []

    def look() -> None:
        seen.append(message_context.current())

    with about(KNOWN):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()

    assert seen == [MessageContext()]


def test_an_event_for_sentry_is_tagged_with_the_ids() -> None:
    event: Any = {"event_id": "1", "tags": {"queue": "inbound"}}
    with about(KNOWN):
        sent: Any = scrub(event, {})

    assert sent["tags"] == {"queue": "inbound", **IDS}


@pytest.mark.parametrize("known", [KNOWN, MessageContext("sqs-1"), MessageContext("sqs-1", "sns")])
def test_what_is_written_to_redis_is_read_again(known: MessageContext) -> None:
    assert from_text("sqs-1", known.to_text()) == known


@pytest.mark.parametrize(
    "text",
    [
        *(None, 7, b"a b c 1", "", "a b c", "a b c d", "a b c 1 2", "a b c -1", "a b c 1.5"),
        "a b c 1" + "0" * 20,
    ],
)
def test_what_nobody_of_us_wrote_is_not_read(text: object) -> None:
    assert from_text("sqs-1", text) == MessageContext("sqs-1")


@pytest.mark.parametrize("text", ["ann@owner.example", "a b", "a\nb", "é", "x" * 257, "", None, 3])
def test_what_may_be_an_address_or_a_text_is_no_id(text: object) -> None:
    assert first_id(text) == ""
    assert first_id(text, "the next one"[4:8]) == "next"


@pytest.mark.parametrize(
    ("header", "trace_id"),
    [
        (
            "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
            "5759e988bd862e3fe1be46a994272793",
        ),
        ("Sampled=0; Root=1-5759e988-bd862e3fe1be46a994272793", IDS["trace_id"]),
        ("Root=1-5759e988-bd862e3fe1be46a99427279", ""),
        ("Root=1-5759e988-bd862e3fe1be46a9942727934", ""),
        ("NotRoot=1-5759e988-bd862e3fe1be46a994272793", ""),
        ("Root=2-5759e988-bd862e3fe1be46a994272793", ""),
        ("", ""),
    ],
)
def test_a_trace_is_named_as_w3c_has_it(header: str, trace_id: str) -> None:
    assert trace_id_of(header) == trace_id
