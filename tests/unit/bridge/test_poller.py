"""Which received messages are deleted at once, and which SQS keeps."""

import json

import fakeredis
import pytest

from bridge.dispositions import Disposition
from tests.dead_letters import burying_in
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
