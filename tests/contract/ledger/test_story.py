"""The story of a message as Redis has it: told by the steps that are made anyway."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from unittest.mock import patch

import pytest
import redis

from bridge.ledger import keys
from bridge.ledger.acknowledgements import Acknowledgements
from bridge.ledger.attempts import DeliveryAttempts
from bridge.ledger.confirmations import Confirmations
from bridge.ledger.dispatch import Dispatched
from bridge.ledger.story import (
    WORKER_DIED,
    Event,
    Story,
    find_begun_by,
    find_events,
)
from bridge.messages import Handle
from bridge.story_notes import StoryNotes
from runtime.message_context import MessageContext
from tests.ledger import put_in_flight
from tests.seals import SEALS

KNOWN = MessageContext("m1", "sns-1", "in/1", "", 1_000)
TOLD = Story(100)


def told(client: redis.Redis) -> list[tuple[str, str, str]]:
    return [(one.what, one.sqs_message_id, one.detail) for one in find_events(client)]


def dispatch(client: redis.Redis, story: Story = TOLD) -> Dispatched:
    return put_in_flight(client, Handle("m1", "h"), about=KNOWN, story=story)


def end(client: redis.Redis, story: Story = TOLD) -> None:
    acknowledgements = Acknowledgements(client, 60, SEALS, story)
    acknowledgements.acknowledge("m1", actor_queue="inbound", failure=None, steps="5 sent 7-abc x")
    taken = acknowledgements.take("mail", 10, 1)
    acknowledgements.confirm("mail", taken)


def test_a_messages_way_is_told_in_order(redis_client: redis.Redis) -> None:
    attempts = DeliveryAttempts(redis_client, TOLD)

    dispatch(redis_client)
    dispatch(redis_client)
    attempts.record("m1", "worker-1")
    attempts.forget("m1", "mail_store_unavailable|3 claimed 7-abc")
    attempts.record("m1", "worker-1")
    end(redis_client)
    dispatch(redis_client)
    Confirmations(redis_client, SEALS, TOLD).note([("7-abc", "0100-1")], None)

    assert told(redis_client) == [
        ("enqueued", "m1", "mail 0 0 inbound"),
        ("in_flight", "m1", "mail 0 0"),
        ("begun", "m1", "worker-1"),
        ("attempt_failed", "m1", "mail_store_unavailable|3 claimed 7-abc"),
        ("begun", "m1", "worker-1"),
        ("ended", "m1", "done |5 sent 7-abc x"),
        ("deleted", "", "m1"),
        ("done", "m1", "mail 0 0"),
        ("confirmed", "", "7-abc 0100-1"),
    ]
    first = next(find_events(redis_client))
    assert first.about == KNOWN.to_text()
    assert [one.at_ms for one in find_events(redis_client)] == sorted(
        one.at_ms for one in find_events(redis_client)
    )


def test_a_failure_is_told_with_its_reason(redis_client: redis.Redis) -> None:
    dispatch(redis_client)
    acknowledgements = Acknowledgements(redis_client, 60, SEALS, TOLD)
    acknowledgements.acknowledge("m1", actor_queue="inbound", failure="refused:mail_missing")
    acknowledgements.confirm("mail", acknowledgements.take("mail", 10, 1))

    assert told(redis_client)[1:] == [
        ("ended", "m1", "failed refused:mail_missing|"),
        ("kept", "", "m1"),
    ]


def test_turned_off_nothing_is_told(redis_client: redis.Redis) -> None:
    off = Story(0)
    dispatch(redis_client, off)
    DeliveryAttempts(redis_client, off).record("m1", "worker-1")
    end(redis_client, off)
    off.tell(redis_client, [Event(0, "rejected", "m2")])

    assert redis_client.exists(keys.STORY) == 0


def test_the_oldest_events_go_first(redis_client: redis.Redis) -> None:
    story = Story(100)
    for number in range(500):
        story.tell(redis_client, [Event(0, "rejected", f"m{number}")])

    found = [one.sqs_message_id for one in find_events(redis_client)]

    # Redis cuts whole blocks of its own, of a hundred entries.
    assert len(found) <= 200
    assert found[-1] == "m499"


def test_a_redis_that_refuses_events_refuses_nothing_else(redis_client: redis.Redis) -> None:
    """Its users may be those of the release before, without the right to tell."""
    redis_client.set(keys.STORY, "not a stream")

    assert dispatch(redis_client) is Dispatched.ENQUEUED
    assert DeliveryAttempts(redis_client, TOLD).record("m1", "worker-1") == 1
    DeliveryAttempts(redis_client, TOLD).forget("m1", "reason|")
    end(redis_client)
    Confirmations(redis_client, SEALS, TOLD).note([("7-abc", "0100-1")], None)

    assert redis_client.hget(keys.message("m1"), "state") == b"done"
    assert redis_client.get("relay:sent:7-abc") is not None


def test_an_error_of_an_attempts_own_step_is_no_error_of_its_story(
    redis_client: redis.Redis,
) -> None:
    redis_client.set(keys.attempts("m1"), "not a number")

    with pytest.raises(redis.ResponseError):
        DeliveryAttempts(redis_client, TOLD).record("m1")


def test_a_bridge_tells_a_batch_together(redis_client: redis.Redis) -> None:
    notes = StoryNotes(redis_client, TOLD)
    notes.note("rejected", MessageContext("m1"), "bad_signature")
    notes.note("parked", MessageContext("m2"), "certificate_unavailable")
    assert told(redis_client) == []

    notes.tell()
    notes.tell()

    assert told(redis_client) == [
        ("rejected", "m1", "bad_signature"),
        ("parked", "m2", "certificate_unavailable"),
    ]


def test_what_redis_did_not_hear_is_told_with_the_next_batch(redis_client: redis.Redis) -> None:
    away = redis.Redis(port=1)
    notes = StoryNotes(away, TOLD)
    notes.note("overflowed", MessageContext("m1"))
    notes.tell()
    notes.note("overflowed", MessageContext("m2"))

    with patch.object(notes, "_redis", redis_client):
        notes.tell()

    assert [key for _, key, _ in told(redis_client)] == ["m1", "m2"]


def test_a_thread_goes_on_only_when_what_it_noted_is_told(redis_client: redis.Redis) -> None:
    """Another thread may have taken it, and be amid telling it."""
    is_telling, may_tell = threading.Event(), threading.Event()

    class Slow(Story):
        def tell(self, client: redis.Redis, events: Sequence[Event]) -> bool:
            is_telling.set()
            may_tell.wait(10)
            return super().tell(client, events)

    def tell_and_read() -> list[tuple[str, str, str]]:
        notes.tell()
        return told(redis_client)

    notes = StoryNotes(redis_client, Slow(1_000))
    notes.note("overflowed", MessageContext("m1"))
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(notes.tell)
        is_telling.wait(10)
        second = threads.submit(tell_and_read)
        wait([second], 0.2)
        may_tell.set()
        first.result(10)

        assert second.result(10) == [("overflowed", "m1", "")]


def test_all_pages_are_found(redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.ledger.story._PAGE", 3)
    Story(1_000).tell(redis_client, [Event(0, "rejected", f"m{n}") for n in range(9)])

    assert [one.sqs_message_id for one in find_events(redis_client)] == [f"m{n}" for n in range(9)]


def test_what_nobody_of_us_wrote_hides_no_events(redis_client: redis.Redis) -> None:
    Story(1_000).tell(redis_client, [Event(0, "rejected", "m1")])
    redis_client.xadd(keys.STORY, {"d": b"\xff\n1-0\te\tforged\nx\ty"})
    redis_client.xadd(keys.STORY, {"odd\t": "1"})
    Story(1_000).tell(redis_client, [Event(0, "rejected", "m2")])

    found = list(find_events(redis_client))

    assert [one.sqs_message_id for one in found if one.what == "rejected"] == ["m1", "m2"]


def test_what_a_worker_had_begun_and_not_ended_is_found(redis_client: redis.Redis) -> None:
    attempts = DeliveryAttempts(redis_client, TOLD)
    for message in ("ended", "failed", "killed"):
        attempts.record(message, "worker-1")
    attempts.record("others", "worker-2")
    attempts.forget("failed", "mail_store_unavailable|")
    TOLD.tell(redis_client, [Event(0, "ended", "ended")])

    assert find_begun_by("worker-1", find_events(redis_client)) == ["killed"]

    TOLD.tell(redis_client, [Event(0, WORKER_DIED, "killed", detail="worker-1")])
    assert find_begun_by("worker-1", find_events(redis_client)) == []


def test_events_are_found_from_a_moment_on(redis_client: redis.Redis) -> None:
    TOLD.tell(redis_client, [Event(0, "begun", "m1")])
    (event,) = find_events(redis_client)

    assert [one.sqs_message_id for one in find_events(redis_client, event.at_ms)] == ["m1"]
    assert list(find_events(redis_client, event.at_ms + 1)) == []
