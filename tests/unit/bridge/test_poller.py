"""Which received messages are deleted at once, and which SQS keeps."""

import json
from collections.abc import Sequence
from unittest.mock import Mock

import fakeredis
import pytest
import redis
from markus.testing import MetricsMock
from redis.exceptions import OutOfMemoryError, RedisError

from bridge.dispositions import Disposition
from bridge.ledger.dispatch import Dispatched, Dispatcher, NotAdmitted, Work
from bridge.ports import EntryFailed, QueueUnavailable
from bridge.visibility import Leases
from emails.wire import CONFIRMATION_SECONDS, SEND_EVENT_DELAY_KEY, sent_key
from tests.dead_letters import burying_in
from tests.fake_queue import TOPIC, FakeQueue
from tests.ledger import Ledger, a_ledger
from tests.seals import SEALS
from tests.unit.bridge.envelopes import a_confirmation, a_notification
from tests.unit.bridge.pollers import a_poller

GENUINE = json.dumps(a_notification())
FORGED = "{}"


@pytest.fixture
def ledger() -> Ledger:
    return a_ledger(fakeredis.FakeRedis())


@pytest.fixture
def queue() -> FakeQueue:
    return FakeQueue()


def left(queue: FakeQueue) -> int:
    counts = queue.count()
    return counts.visible + counts.not_visible


def test_a_message_in_flight_stays_in_the_queue(queue: FakeQueue, ledger: Ledger) -> None:
    queue.put(GENUINE)

    assert a_poller(queue, ledger).cycle(10).dispositions == {Disposition.ENQUEUED: 1}

    assert left(queue) == 1


def test_a_message_that_was_done_before_is_deleted(queue: FakeQueue, ledger: Ledger) -> None:
    """Its acknowledgement was lost, or SQS did not delete it."""
    message_id = queue.put(GENUINE)
    ledger.acknowledgements.acknowledge(message_id, actor_queue="inbound", failure=None)

    assert a_poller(queue, ledger).cycle(10).dispositions == {Disposition.ALREADY_DONE: 1}

    assert left(queue) == 0


def test_what_was_done_before_and_can_not_be_deleted_now_waits_for_the_deleter(
    ledger: Ledger,
) -> None:
    """Otherwise SQS would deliver it again and again."""

    class WithoutDeletes(FakeQueue):
        def delete(self, handles: object) -> list[EntryFailed]:
            raise QueueUnavailable("ReadTimeoutError")

    queue = WithoutDeletes()
    message_id = queue.put(GENUINE)
    ledger.acknowledgements.acknowledge(message_id, actor_queue="inbound", failure=None)

    a_poller(queue, ledger).cycle(10)

    (waiting,) = ledger.acknowledgements.take("mail", 10, 0.1)
    assert (waiting.handle.message_id, waiting.succeeded) == (message_id, True)


def has_failed(queue: FakeQueue, ledger: Ledger) -> None:
    """Let a message fail, with a dead letter."""
    message_id = queue.put(GENUINE)
    burying_in(ledger.client)(dead_letter_id="dead", sqs_message_id=message_id)
    ledger.acknowledgements.acknowledge(
        message_id, actor_queue="inbound", failure="refused", dead_letter_id="dead"
    )


def test_a_message_that_failed_before_is_not_run_but_hidden_for_almost_twelve_hours(
    queue: FakeQueue, ledger: Ledger
) -> None:
    """Each receive counts at SQS; more of them would only move it to its dead-letter queue."""
    has_failed(queue, ledger)

    assert a_poller(queue, ledger).cycle(10).dispositions == {Disposition.ALREADY_FAILED: 1}

    assert ledger.in_flight.count(0) == 0
    queue.pass_time(11.8 * 3600)
    assert queue.count().visible == 0
    queue.pass_time(0.2 * 3600)
    assert queue.count().visible == 1


def test_a_message_that_failed_before_is_deleted_if_the_operator_chose_so_since(
    queue: FakeQueue, ledger: Ledger
) -> None:
    has_failed(queue, ledger)

    a_poller(queue, ledger, delete_failed_messages=True).cycle(10)

    assert left(queue) == 0


@pytest.mark.parametrize(("deletes", "number"), [(False, 1), (True, 0)])
def test_a_rejected_message_is_deleted_only_if_the_operator_chose_so(
    queue: FakeQueue, ledger: Ledger, deletes: bool, number: int
) -> None:
    queue.put(FORGED)

    cycle = a_poller(queue, ledger, delete_failed_messages=deletes).cycle(10)

    assert cycle.dispositions == {Disposition.REJECTED: 1}
    assert left(queue) == number


def test_only_what_comes_for_the_first_time_and_is_no_event_has_arrived(
    queue: FakeQueue, ledger: Ledger
) -> None:
    """Rejected messages come back: they hid that nothing new came, and seemed to be most."""
    for body in (FORGED, GENUINE, json.dumps(a_notification(message='{"eventType": "Open"}'))):
        queue.put(body)
    poller = a_poller(queue, ledger)

    with MetricsMock() as metrics:
        poller.cycle(10)
        queue.pass_time(60)
        poller.cycle(10)

    arrived = metrics.filter_records("incr", "bridge.arrived")
    assert [record.value for record in arrived] == [2]
    assert len(metrics.filter_records("incr", "bridge.rejected")) == 1


@pytest.mark.parametrize(
    ("confirms", "confirmed", "number"), [(True, [(TOPIC, "a token")], 0), (False, [], 1)]
)
def test_a_subscription_is_confirmed_once_and_only_if_the_operator_chose_so(
    queue: FakeQueue,
    ledger: Ledger,
    confirms: bool,
    confirmed: list[tuple[str, str]],
    number: int,
) -> None:
    queue.put(json.dumps(a_confirmation(TopicArn=TOPIC, Token="a token")))

    a_poller(queue, ledger, confirm_subscriptions=confirms, topic=TOPIC).cycle(10)

    assert queue.confirmed == confirmed
    assert left(queue) == number


class FillingUp(Dispatcher):
    """Its Redis is full after `takes` messages."""

    takes = 1

    def dispatch(
        self,
        batch: Sequence[Work],
        now_ms: int,
        *,
        has_waited: bool = False,
        may_admit: bool = True,
    ) -> list[Dispatched | NotAdmitted | RedisError]:
        taken = super().dispatch(
            batch[: self.takes], now_ms, has_waited=has_waited, may_admit=may_admit
        )
        return taken + [OutOfMemoryError() for _ in batch[self.takes :]]


def test_what_redis_refused_in_mid_batch_is_released_at_once_and_not_leased(
    queue: FakeQueue, ledger: Ledger
) -> None:
    for _ in range(3):
        queue.put(GENUINE)
    leases = Leases()
    filling_up = FillingUp(ledger.client, 60, seals=SEALS, bridge="b1", queue="mail")

    cycle = a_poller(queue, ledger, leases=leases, dispatcher=filling_up).cycle(10)

    assert cycle.dispositions == {Disposition.ENQUEUED: 1, Disposition.REFUSED: 2}
    assert (queue.count().visible, len(leases)) == (2, 1)


def test_while_redis_has_no_room_nothing_is_received(
    queue: FakeQueue, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    has_room = iter([False, False, True])
    poller = a_poller(queue, ledger, has_room=lambda: next(has_room))

    with caplog.at_level("INFO"):
        demands = [poller.demand(10) for _ in range(3)]

    assert demands == [0, 0, 10]
    assert caplog.messages == ["redis is nearly full, not receiving", "redis has room again"]


def a_send_event(delivery: str = "12-0f3a5c7d9e1b", ses_id: str = "0100-1") -> str:
    mail = {"messageId": ses_id, "tags": {"delivery": [delivery]}}
    return json.dumps(a_notification(json.dumps({"eventType": "Send", "mail": mail})))


def test_confirmed_sends_are_noted_for_the_workers_and_kept_for_a_while(
    queue: FakeQueue, ledger: Ledger
) -> None:
    """No actor runs for them, and they take no room in flight."""
    queue.put(a_send_event("12-0f3a5c7d9e1b", "0100-1"))
    queue.put(a_send_event("13-0f3a5c7d9e1b", "0100-2"))

    cycle = a_poller(queue, ledger).cycle(10)

    assert cycle.dispositions == {Disposition.SEND_CONFIRMED: 2}
    assert queue.count().not_visible == 2
    assert str(ledger.client.get(sent_key("12-0f3a5c7d9e1b"))).startswith("b'0100-1 ")
    assert str(ledger.client.get(sent_key("13-0f3a5c7d9e1b"))).startswith("b'0100-2 ")
    assert 0 < ledger.client.ttl(sent_key("12-0f3a5c7d9e1b")) <= CONFIRMATION_SECONDS
    assert ledger.client.get(SEND_EVENT_DELAY_KEY) is not None
    assert ledger.client.zcard("relay:in-flight") == 0


def test_what_nobody_needs_is_deleted(queue: FakeQueue, ledger: Ledger) -> None:
    queue.put(json.dumps(a_notification('{"eventType": "Open"}')))

    assert a_poller(queue, ledger).cycle(10).dispositions == {Disposition.UNNEEDED: 1}

    assert left(queue) == 0


def test_a_confirmed_send_that_redis_does_not_take_stays_in_the_queue(
    queue: FakeQueue, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So do the messages received with it, and all are visible again at once."""
    queue.put(a_send_event())
    queue.put(GENUINE)
    poller = a_poller(queue, ledger)
    monkeypatch.setattr(ledger.client, "pipeline", Mock(side_effect=redis.ConnectionError))

    with pytest.raises(redis.ConnectionError):
        poller.cycle(10)

    assert queue.count().visible == 2
