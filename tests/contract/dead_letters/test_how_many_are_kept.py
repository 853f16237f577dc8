"""Redis keeps so many dead letters and no more, and so many bytes: the oldest are dropped.

Lesson 50: a store of failures without a bound. While SES refused every mail, dead letters filled
Redis, and nothing moved any more.
"""

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from bridge.ledger import keys
from bridge.ledger.dead_letter_limit import DeadLetterLimit, count_bytes_anew, find_bytes
from bridge.ledger.dead_letters import DeadLetters, Place, Requeue
from emails.wire import DEFAULT_QUEUE, FEEDBACK_QUEUE, INBOUND_QUEUE
from tests.dead_letters import dead
from tests.unit.operations.builders import stored

WORKER = "worker-1"
MESSAGE_BYTES = len(stored("m0", "sqs-m0"))


class Dying:
    """Lets messages die, one millisecond after the other."""

    def __init__(self, client: redis.Redis, max_number: int = 100, max_bytes: int = 10**9) -> None:
        self.client = client
        self.limit = DeadLetterLimit(client, max_number, max_bytes)
        self.clock = itertools.count(1)

    def __call__(self, name: str, queue: str = INBOUND_QUEUE) -> list[str]:
        """Let one die that a worker has fetched; returns the SQS ids of the dropped ones."""
        self.client.sadd(keys.fetched(WORKER, queue), name)
        self.client.hset(keys.messages_of(keys.queue(queue)), name, stored(name, f"sqs-{name}"))
        self.client.set(keys.reason_of(name), "refused:send_rejected")
        self.client.set(keys.dead_letter_of(f"sqs-{name}"), name)
        return self.limit.bury(
            name, queue=queue, fetched_from=queue, broker_id=WORKER, now_ms=next(self.clock)
        )


def test_the_oldest_goes_when_there_are_too_many(redis_client: redis.Redis) -> None:
    dying = Dying(redis_client, max_number=2)

    dropped = [dying(name) for name in ("m1", "m2", "m3")]

    assert dropped == [[], [], ["sqs-m1"]]
    assert dead(redis_client) == ["m2", "m3"]


def test_the_oldest_go_when_they_are_too_large_together(redis_client: redis.Redis) -> None:
    dying = Dying(redis_client, max_bytes=2 * MESSAGE_BYTES)

    dropped = [dying(name) for name in ("m1", "m2", "m3")]

    assert dropped == [[], [], ["sqs-m1"]]
    assert find_bytes(redis_client) == 2 * MESSAGE_BYTES


def test_the_oldest_of_all_queues_goes(redis_client: redis.Redis) -> None:
    dying = Dying(redis_client, max_number=2)
    dying("m1", FEEDBACK_QUEUE)
    dying("m2", DEFAULT_QUEUE)

    assert dying("m3", INBOUND_QUEUE) == ["sqs-m1"]

    assert [dead(redis_client, one) for one in (FEEDBACK_QUEUE, DEFAULT_QUEUE, INBOUND_QUEUE)] == [
        [],
        ["m2"],
        ["m3"],
    ]


def test_nothing_is_left_of_a_dropped_one(redis_client: redis.Redis) -> None:
    dying = Dying(redis_client, max_number=1)
    dying("m1")
    dying("m2")

    assert [one for one in redis_client.keys("*") if b"m1" in one] == []
    assert redis_client.hkeys(keys.messages_of(keys.dead_letters(INBOUND_QUEUE))) == [b"m2"]


def test_the_newest_is_kept_however_large(redis_client: redis.Redis) -> None:
    dying = Dying(redis_client, max_bytes=1)

    assert dying("m1") == []
    assert dying("m2") == ["sqs-m1"]


def test_a_store_that_is_far_too_large_shrinks_with_each_death(redis_client: redis.Redis) -> None:
    """No single call takes long after a limit was lowered."""
    generous = Dying(redis_client, max_number=1000)
    for number in range(250):
        generous(f"m{number}")
    strict = Dying(redis_client, max_number=10)
    strict.clock = itertools.count(1000)

    dropped = [len(strict(f"n{number}")) for number in range(4)]

    assert dropped == [100, 100, 43, 1]
    assert len(dead(redis_client)) == 10


@pytest.mark.parametrize("how", ["deleted", "requeued"])
def test_what_an_operator_removes_makes_room(redis_client: redis.Redis, how: str) -> None:
    dying, store = Dying(redis_client, max_number=5), DeadLetters(redis_client, 60)
    dying("m1")
    place = Place(INBOUND_QUEUE, "m1", 1)
    if how == "deleted":
        store.delete([(place, "sqs-m1")])
    else:
        store.requeue([Requeue(place, "new", b"{}", "sqs-m1")], now_ms=1)

    assert find_bytes(redis_client) == 0


def test_what_others_remove_or_did_not_count_is_counted_anew(redis_client: redis.Redis) -> None:
    """Dramatiq removes those that are too old."""
    dying = Dying(redis_client)
    for name in ("m1", "m2"):
        dying(name)
    redis_client.hdel(keys.messages_of(keys.dead_letters(INBOUND_QUEUE)), "m1")

    count_bytes_anew(redis_client)

    assert find_bytes(redis_client) == MESSAGE_BYTES


def test_a_message_that_another_process_took_over_dies_nowhere(redis_client: redis.Redis) -> None:
    dying = Dying(redis_client)
    dying("m1")

    dying.limit.bury(
        "m1", queue=INBOUND_QUEUE, fetched_from=INBOUND_QUEUE, broker_id="other", now_ms=9
    )

    assert redis_client.zscore(keys.dead_letters(INBOUND_QUEUE), "m1") == 1


def test_however_many_die_at_once_no_more_are_kept(redis_client: redis.Redis) -> None:
    dying = Dying(redis_client, max_number=20)

    with ThreadPoolExecutor(8) as threads:
        dropped = list(threads.map(dying, [f"m{number}" for number in range(200)]))

    assert len(dead(redis_client)) == 20
    assert sum(map(len, dropped)) == 180
