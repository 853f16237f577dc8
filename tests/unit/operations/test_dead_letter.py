"""What a dead letter tells, and what is left of it in its new life."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from bridge.ledger.dead_letters import Place
from relay.operations.dead_letters import formatting
from relay.operations.dead_letters.letter import make_requeue, read
from tests.seals import SEALS
from tests.unit.operations.builders import DIED_MS, SECRETS, a_letter, stored

NOW = datetime.fromtimestamp(DIED_MS / 1000, UTC) + timedelta(hours=1)
NOTE = {
    "reason": "retries_used_up:ValueError",
    "error_type": "ValueError",
    "attempts": 9,
    "traceback": ["ValueError", "  handle.py:3 handle"],
}


def test_it_tells_how_often_it_was_tried_and_how_long_it_waited() -> None:
    letter = a_letter(dead_letter=NOTE, retries=9)

    assert letter.attempts == 9
    assert letter.time_in_sqs == timedelta(seconds=10)
    assert letter.traceback == NOTE["traceback"]
    assert letter.died_at == NOW - timedelta(hours=1)


def test_nothing_of_the_mail_is_shown_unless_it_is_revealed() -> None:
    letter = a_letter(dead_letter=NOTE, traceback="ValueError: swordfish")

    redacted, revealed = (
        json.dumps(formatting.details(letter, reveal=reveal)) for reveal in (False, True)
    )

    for secret in SECRETS:
        assert secret not in redacted
        assert secret in revealed


def test_its_new_life_is_the_same_message_without_what_it_has_suffered() -> None:
    letter = a_letter(
        dead_letter=NOTE,
        retries=9,
        put_backs=9,
        suspicions=9,
        traceback="…",
        eta=1,
        too_many_deliveries=4,
        requeues=1,
    )

    life = make_requeue(letter, NOW)

    assert life is not None
    message = json.loads(life.message)
    assert message["options"] == {
        "redis_message_id": life.id,
        "sqs_message_id": "sqs-1",
        "sent_at_ms": DIED_MS - 60_000,
        "taken_at_ms": DIED_MS - 50_000,
        "requeues": 2,
    }
    assert message["kwargs"] == json.loads(stored())["kwargs"]
    assert message["args"] == []
    assert message["message_id"] == "sqs-1"
    assert life.id != "dead-1"


def test_the_time_in_sqs_is_that_before_its_first_life() -> None:
    life = make_requeue(a_letter(), NOW)
    assert life is not None

    again = read(Place("inbound", life.id, DIED_MS), life.message, None, SEALS)

    assert again.time_in_sqs == timedelta(seconds=10)


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b"[" * 100_000,
        stored().replace(b'"kwargs": {', b'"kwargs": 1, "x": {'),
    ],
)
def test_what_cant_be_read_is_shown_and_not_requeued(junk: bytes) -> None:
    letter = read(Place("inbound", "dead-1", DIED_MS), junk, None, SEALS)

    assert letter.reason == "unknown"
    assert formatting.details(letter, reveal=True)["attempts"] is None
    assert make_requeue(letter, NOW) is None
