"""Dead letters are found a slice at a time, while workers and operators change them."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
import redis

from bridge.ledger import dead_letters as places_module
from bridge.ledger import keys
from bridge.ledger.dead_letters import DeadLetters
from relay.operations.dead_letters import handling
from relay.operations.dead_letters.filters import Filters
from tests.dead_letters import Bury, burying_in


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """So small that a handful of dead letters is many."""
    for module in (places_module, handling):
        monkeypatch.setattr(module, "PLACES_BATCH", 3)
    monkeypatch.setattr(handling, "MESSAGES_BATCH", 2)


@pytest.fixture
def store(redis_client: redis.Redis) -> DeadLetters:
    return DeadLetters(redis_client, lifetime_seconds=60)


@pytest.fixture
def bury(redis_client: redis.Redis) -> Bury:
    return burying_in(redis_client)


def now() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=1)


def ids(store: DeadLetters, **filters: object) -> list[str]:
    found = handling.find(store, Filters(**filters), now())  # type: ignore[arg-type]
    return [letter.place.id for letter in found]


def test_all_are_met_once_the_newest_first_across_queues(store: DeadLetters, bury: Bury) -> None:
    newest_first = [
        bury(queue=("inbound", "feedback", "default")[minutes % 3], minutes_ago=minutes)
        for minutes in range(20)
    ]

    assert ids(store) == newest_first


def test_many_that_died_in_the_same_moment_are_all_met(
    store: DeadLetters, bury: Bury, redis_client: redis.Redis
) -> None:
    made = [bury() for _ in range(20)]
    redis_client.zadd(keys.dead_letters("inbound"), dict.fromkeys(made[3:15], 5))
    redis_client.zadd(keys.dead_letters("inbound"), dict.fromkeys(made[15:], 4))

    found = ids(store)

    assert sorted(found) == sorted(made)
    assert len(found) == len(made)


def test_what_goes_meanwhile_hides_nothing_else(
    store: DeadLetters, bury: Bury, redis_client: redis.Redis
) -> None:
    made = [bury(minutes_ago=minutes) for minutes in range(20)]
    redis_client.zadd(keys.dead_letters("inbound"), dict.fromkeys(made, 5))

    met = []
    for letter in handling.find(store, Filters(), now()):
        met.append(letter.place.id)
        store.delete([(letter.place, "")])

    assert sorted(met) == sorted(made)


def test_what_dies_meanwhile_is_not_met_so_that_requeueing_ends(
    store: DeadLetters, bury: Bury
) -> None:
    bury(minutes_ago=5)

    met = 0
    for _ in handling.find(store, Filters(), now()):
        met += 1
        bury()

    assert met == 1


def test_pages_follow_each_other_without_gap_or_repetition(
    store: DeadLetters, bury: Bury, redis_client: redis.Redis
) -> None:
    made = [bury(minutes_ago=minutes // 4) for minutes in range(20)]
    redis_client.zadd(keys.dead_letters("inbound"), dict.fromkeys(made[:10], 5))
    met, before = [], None

    while page := list(islice(handling.find(store, Filters(), now(), before), 3)):
        met += [letter.place.id for letter in page]
        before = page[-1].place

    assert sorted(met) == sorted(made)
    assert len(met) == len(made)


def test_filters_by_reason_age_queue_and_message(store: DeadLetters, bury: Bury) -> None:
    old = bury(minutes_ago=90, reason="refused:mail_missing")
    limit = bury(minutes_ago=30, reason="time_limit", queue="feedback")
    nameless = bury(minutes_ago=1, reason=None, sqs_message_id="the-one")

    assert ids(store, reason="refused") == [old]
    assert ids(store, reason="time_limit") == [limit]
    assert ids(store, reason="unknown") == [nameless]
    assert ids(store, older_than=timedelta(hours=1)) == [old]
    assert ids(store, newer_than=timedelta(minutes=10)) == [nameless]
    assert ids(store, newer_than=timedelta(hours=1), older_than=timedelta(minutes=10)) == [limit]
    assert ids(store, queue="feedback") == [limit]
    assert ids(store, sqs_message_id="the-one") == [nameless]


def test_counts_agree_with_what_is_found(store: DeadLetters, bury: Bury) -> None:
    for minutes in range(7):
        bury(minutes_ago=minutes, reason="time_limit" if minutes % 2 else None)
    bury(sqs_message_id="the-one")

    for filters in (
        Filters(),
        Filters(reason="unknown"),
        Filters(older_than=timedelta(minutes=3)),
        Filters(sqs_message_id="the-one"),
    ):
        found = list(handling.find(store, filters, now()))
        assert handling.count(store, filters, now()) == len(found) > 0
    assert handling.count_by_reason(store, Filters(), now()) == {
        "time_limit": 3,
        "unknown": 4,
        "refused:mail_missing": 1,
    }
