"""Whatever lies where a dead letter should be, its page shows it, and can be sent."""

import json
from typing import Any

import pytest
from django.template.loader import render_to_string
from hypothesis import given
from hypothesis import strategies as st

from bridge.ledger.dead_letters import Place
from relay.operations.dead_letters import formatting
from relay.operations.dead_letters.letter import DeadLetter, make_requeue, read
from tests.seals import SEALS
from tests.unit.operations.builders import DIED_MS, stored
from tests.unit.operations.test_dead_letter import NOW

pytestmark = pytest.mark.slow

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))
"""Halves of characters, too, which JSON can hold and no answer can."""

ANY_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)
FIELDS = ["actor_name", "args", "kwargs", "options", "message_id", "message_timestamp"]
OPTIONS = ["sqs_message_id", "sent_at_ms", "taken_at_ms", "requeues", "retries", "traceback"]
NOTES = ["reason", "error_type", "error_code", "attempts", "traceback"]


def show(letter: DeadLetter) -> None:
    """Show it as the pages and the command do."""
    for reveal in (False, True):
        details = formatting.details(letter, reveal=reveal)
        "\n".join(formatting.as_lines(details)).encode()
        json.dumps(formatting.summary(letter)).encode()
    row = {"letters": [letter], "form": [], "query": {}, "counts": []}
    render_to_string("operations/dead_letters.html", row).encode()


@given(st.binary())
def test_any_octets(octets: bytes) -> None:
    show(read(Place("inbound", "dead-1", DIED_MS), octets, None, SEALS))


@given(
    fields=st.dictionaries(st.sampled_from(FIELDS), ANY_VALUE),
    options=st.dictionaries(st.sampled_from(OPTIONS), ANY_VALUE),
    note=st.dictionaries(st.sampled_from(NOTES), ANY_VALUE) | ANY_VALUE,
    kwargs=st.dictionaries(st.sampled_from(["notification", "sns_message_id"]), ANY_VALUE),
    dead_letter_id=st.text(),
    died_ms=st.integers(0, 2**53),
)
def test_any_message(
    fields: dict[str, Any],
    options: dict[str, Any],
    note: Any,
    kwargs: dict[str, Any],
    dead_letter_id: str,
    died_ms: int,
) -> None:
    message = json.loads(stored())
    message["options"] |= options | {"dead_letter": note}
    message["kwargs"] |= kwargs
    letter = read(
        Place("inbound", dead_letter_id, died_ms),
        json.dumps(message | fields).encode(),
        None,
        SEALS,
    )

    show(letter)
    make_requeue(letter, NOW)


@given(ANY_VALUE)
def test_any_notification(notification: Any) -> None:
    text = json.dumps(notification)

    show(read(Place("inbound", "dead-1", DIED_MS), stored(notification=text), None, SEALS))


@pytest.mark.parametrize(
    "notification",
    [
        '{"mail": ' * 900 + "1" + "}" * 900,
        "[" * 100_000,
        '{"mail": "\\ud800"}',
        '{"mail": 1e999}',
        "1" * 5_000,
        '{"\\ud800": {"a": NaN}}',
    ],
    ids=["deep", "too deep", "half a character", "infinite", "a long number", "a half name"],
)
def test_a_hostile_notification(notification: str) -> None:
    show(read(Place("inbound", "dead-1", DIED_MS), stored(notification=notification), None, SEALS))
