"""The spans of a receive: one of the batch, one of each message, and what became of it."""

import json
from typing import Any

import fakeredis
import pytest
from opentelemetry.sdk.trace import ReadableSpan

from emails.wire import ABOUT
from runtime.trace_header import trace_id_from
from tests.fake_queue import FakeQueue
from tests.ledger import a_ledger
from tests.traces import ids, traced
from tests.unit.bridge.envelopes import a_notification
from tests.unit.bridge.pollers import a_poller

GENUINE = a_notification()
SEND = '{"eventType": "Send", "mail": {"messageId": "0100-1", "tags": {"delivery": ["12-0f"]}}}'


def cycle(*bodies: dict[str, Any]) -> tuple[tuple[ReadableSpan, ...], dict[str, Any]]:
    """Receive these; returns the spans, and the options of what was enqueued last."""
    queue, client = FakeQueue(), fakeredis.FakeRedis()
    for body in bodies:
        queue.put(json.dumps(body))
    with traced() as made:
        a_poller(queue, a_ledger(client)).cycle(10)
        finished = made.finished()
    enqueued: list[Any] = list(client.hgetall("relay:inbound.msgs").values())
    return finished, json.loads(enqueued[-1])["options"] if enqueued else {}


def said(span: ReadableSpan, name: str) -> object:
    return (span.attributes or {})[name]


def test_a_message_for_the_workers_continues_in_its_options() -> None:
    (message, receive), options = cycle(GENUINE)

    trace_id, span_id = ids(message)
    assert trace_id == trace_id_from(GENUINE["MessageId"])
    assert options["traceparent"] == f"00-{trace_id}-{span_id}-01"
    assert trace_id in options[ABOUT]
    assert [link.context.span_id for link in message.links] == [int(ids(receive)[1], 16)]
    assert [link.context.span_id for link in receive.links] == [int(span_id, 16)]
    assert ids(receive)[0] != trace_id


@pytest.mark.parametrize(
    ("body", "disposition", "is_ok"),
    [
        (GENUINE, "enqueued", True),
        ({}, "rejected", False),
        (GENUINE | {"Message": "changed"}, "rejected", False),
    ],
)
def test_a_span_says_what_became_of_its_message(
    body: dict[str, Any], disposition: str, is_ok: bool
) -> None:
    (message, _), _ = cycle(body)

    assert said(message, "relay.disposition") == disposition
    assert ("error.type" not in (message.attributes or {})) is is_ok


def test_events_about_our_own_mail_have_no_spans() -> None:
    (receive,), _ = cycle(a_notification(SEND), a_notification('{"eventType": "Open"}'))

    assert said(receive, "messaging.batch.message_count") == 2


def test_a_receive_that_brought_nothing_has_no_span() -> None:
    assert cycle() == ((), {})
