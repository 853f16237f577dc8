"""`Send` events stay in SQS for a while after they were noted, since Redis may lose the notes."""

import time
from collections.abc import Sequence
from dataclasses import replace

import fakeredis
import pytest
import redis

from bridge.ledger.confirmations import Confirmations
from bridge.messages import Handle
from bridge.ports import EntryFailed, QueueUnavailable
from bridge.send_events import SendEvents
from bridge.sns.routing import SendConfirmed
from emails.wire import SEND_EVENT_DELAY_KEY, sent_key
from tests.fake_queue import FakeQueue
from tests.seals import SEALS

KEPT_SECONDS = 60


class Bridge:
    """What one bridge does with events, by a clock that only moves when told to."""

    def __init__(self, queue: FakeQueue, client: redis.Redis) -> None:
        self.queue, self.now = queue, 1000.0
        self.events = SendEvents(
            queue, Confirmations(client, SEALS), KEPT_SECONDS, clock=lambda: self.now
        )

    def receive(self) -> int:
        """Receive and note what is visible."""
        messages = self.queue.receive(10)
        sends = [(one, SendConfirmed(one.body, f"0100-{one.body}")) for one in messages]
        self.events.confirm(sends)
        return len(sends)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.queue.pass_time(seconds)
        self.events.tend()


@pytest.fixture
def client() -> redis.Redis:
    return fakeredis.FakeRedis()


@pytest.fixture
def queue() -> FakeQueue:
    """A queue with the events of twelve deliveries."""
    queue = FakeQueue(visibility_seconds=5)
    for number in range(12):
        queue.put(str(number))
    return queue


def noted(client: redis.Redis) -> int:
    return sum(client.exists(sent_key(str(number))) for number in range(12))


def left(queue: FakeQueue) -> int:
    counts = queue.count()
    return counts.visible + counts.not_visible


def test_events_are_noted_at_once_and_deleted_later(queue: FakeQueue, client: redis.Redis) -> None:
    bridge = Bridge(queue, client)
    assert bridge.receive() + bridge.receive() == 12
    assert (noted(client), left(queue)) == (12, 12)

    bridge.pass_time(KEPT_SECONDS - 2)
    assert queue.count().visible == 0
    assert left(queue) == 12
    bridge.pass_time(2)

    assert left(queue) == 0
    assert noted(client) == 12


def test_what_a_wiped_redis_forgot_is_noted_again(queue: FakeQueue, client: redis.Redis) -> None:
    bridge = Bridge(queue, client)
    bridge.receive()
    bridge.receive()

    client.flushall()
    bridge.pass_time(2)

    assert noted(client) == 12


def test_an_event_that_comes_right_after_the_wipe_does_not_hide_it(
    queue: FakeQueue, client: redis.Redis
) -> None:
    """Events come all the time: it always did, and two of 1,500 mails in a storm were doubled."""
    bridge = Bridge(queue, client)
    bridge.receive()
    bridge.pass_time(2)

    client.flushall()
    bridge.receive()
    bridge.pass_time(2)

    assert noted(client) == 12


@pytest.mark.parametrize("noted_after", [False, True])
def test_what_an_old_snapshot_lacks_is_noted_again(
    queue: FakeQueue, client: redis.Redis, *, noted_after: bool
) -> None:
    bridge = Bridge(queue, client)
    bridge.receive()
    bridge.pass_time(2)
    snapshot = {key: client.dump(key) for key in client.scan_iter()}
    queue.put("12")
    bridge.receive()
    bridge.pass_time(2)

    client.flushall()
    for key, value in snapshot.items():
        client.restore(key, 0, value or b"")
    if noted_after:
        queue.put("13")
        bridge.receive()
    bridge.pass_time(2)

    assert noted(client) == 12
    assert client.exists(sent_key("12"))


def test_what_a_dead_bridge_had_noted_comes_back_to_another(
    queue: FakeQueue, client: redis.Redis
) -> None:
    bridge = Bridge(queue, client)
    bridge.receive()
    bridge.receive()
    client.flushall()

    other = Bridge(queue, client)
    other.now += KEPT_SECONDS
    queue.pass_time(KEPT_SECONDS + 11)

    assert other.receive() + other.receive() == 12
    assert noted(client) == 12


def test_a_bridge_that_is_late_to_delete_keeps_the_events_hidden(
    queue: FakeQueue, client: redis.Redis
) -> None:
    Bridge(queue, client).receive()

    queue.pass_time(KEPT_SECONDS + 5)

    assert queue.count().visible == 2, "those not received"


def test_an_event_that_comes_a_second_time_says_nothing_about_the_delay(
    queue: FakeQueue, client: redis.Redis
) -> None:
    """It was hidden for most of the time."""
    Bridge(queue, client).receive()
    assert client.exists(SEND_EVENT_DELAY_KEY)
    queue.receive(2)
    queue.pass_time(KEPT_SECONDS + 20)
    client.flushall()

    assert Bridge(queue, client).receive() == 10

    assert noted(client) == 10
    assert not client.exists(SEND_EVENT_DELAY_KEY)


def test_the_delay_is_counted_from_when_ses_accepted_the_mail(client: redis.Redis) -> None:
    """Between SES and the queue is SNS, which may be slow, too."""
    queue = FakeQueue(visibility_seconds=5)
    queue.put("0")
    (message,) = queue.receive(1)
    now_ms = int(time.time() * 1000)
    message = replace(message, sent_at_ms=now_ms - 3_000)

    send = SendConfirmed("0", "0100-0", now_ms - 40_000)
    Bridge(queue, client).events.confirm([(message, send)])

    assert int(client.get(SEND_EVENT_DELAY_KEY) or 0) in (40, 41)


class Undeletable(FakeQueue):
    def delete(self, handles: Sequence[Handle]) -> list[EntryFailed]:
        raise QueueUnavailable("AccessDenied")


def test_events_that_can_not_be_deleted_stop_nobody(client: redis.Redis) -> None:
    queue = Undeletable(visibility_seconds=5)
    queue.put("1")
    bridge = Bridge(queue, client)
    bridge.receive()

    bridge.pass_time(KEPT_SECONDS)

    assert left(queue) == 1
