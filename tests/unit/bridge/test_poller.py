"""Which received messages are deleted at once, and which SQS keeps."""

import json
from unittest.mock import Mock

import fakeredis
import pytest
import redis

from bridge.dispositions import Disposition
from emails.wire import CONFIRMATION_SECONDS, SEND_EVENT_DELAY_KEY, sent_key
from tests.fake_queue import TOPIC, FakeQueue
from tests.ledger import Ledger, a_ledger
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


@pytest.mark.parametrize(("deletes", "number"), [(False, 1), (True, 0)])
def test_a_rejected_message_is_deleted_only_if_the_operator_chose_so(
    queue: FakeQueue, ledger: Ledger, deletes: bool, number: int
) -> None:
    queue.put(FORGED)

    cycle = a_poller(queue, ledger, delete_failed_messages=deletes).cycle(10)

    assert cycle.dispositions == {Disposition.REJECTED: 1}
    assert left(queue) == number


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
    assert ledger.client.get(sent_key("12-0f3a5c7d9e1b")) == b"0100-1"
    assert ledger.client.get(sent_key("13-0f3a5c7d9e1b")) == b"0100-2"
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
