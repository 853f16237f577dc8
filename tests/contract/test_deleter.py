"""Deletes that fail in part, or altogether: nothing acknowledged is forgotten.

SQS's answers are played by botocore's own stubber.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, cast

import boto3
import pytest
from botocore.stub import Stubber

from bridge.deleter import Deleter
from bridge.ledger import keys
from bridge.ledger.acknowledgements import LEFT
from bridge.messages import Handle
from bridge.ports import EntryFailed, QueueCounts, QueueUnavailable
from bridge.sqs import SqsQueue
from bridge.totals import Totals
from bridge.visibility import Leases
from runtime.logging import WithMessageIds
from runtime.message_context import MessageContext
from tests.fake_queue import FakeQueue
from tests.ledger import NOW_MS, Ledger, a_visibility, put_in_flight

URL = "https://sqs.us-east-1.amazonaws.com/123456789012/mail"
VISIBILITY_SECONDS = 120


@pytest.fixture
def sqs() -> Iterator[Stubber]:
    with Stubber(boto3.client("sqs", region_name="us-east-1")) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def deleter(sqs: Stubber, ledger: Ledger, totals: Totals, *, failed: bool = False) -> Deleter:
    inbox = SqsQueue(URL, "us-east-1", 1, 60, client=cast("Any", sqs.client))
    return Deleter(inbox, ledger.acknowledgements, totals, delete_failed_messages=failed)


def acknowledge(ledger: Ledger, message_id: str, failure: str | None = None) -> None:
    put_in_flight(ledger.client, Handle(message_id, "h"))
    ledger.acknowledgements.acknowledge(message_id, actor_queue="inbound", failure=failure)


def waiting(ledger: Ledger) -> list[str]:
    count = ledger.acknowledgements.count("mail")
    taken = ledger.acknowledgements.take("mail", count, 1) if count else []
    return [acknowledgement.handle.message_id for acknowledgement in taken]


def test_what_sqs_failed_to_delete_is_tried_again_and_what_it_refused_is_not(
    sqs: Stubber, ledger: Ledger
) -> None:
    for message_id in ("deleted", "failed", "refused"):
        acknowledge(ledger, message_id)
    entries = [
        {"Id": "1", "Code": "InternalError", "SenderFault": False},
        {"Id": "2", "Code": "ReceiptHandleIsInvalid", "SenderFault": True},
    ]
    sqs.add_response("delete_message_batch", {"Successful": [{"Id": "0"}], "Failed": entries})
    totals = Totals()

    deleter(sqs, ledger, totals).work(0.1)

    assert waiting(ledger) == ["failed"]
    assert (totals.deleted, totals.succeeded) == (1, 2)


def test_a_reply_that_is_left_goes_back_at_once_and_may_be_dispatched_again(
    sqs: Stubber, ledger: Ledger
) -> None:
    """It is deleted in no case, and no heartbeat touches it: it may be somebody else's by then."""
    acknowledge(ledger, "left", LEFT)
    entry = {"Id": "0", "ReceiptHandle": "h", "VisibilityTimeout": 0}
    sqs.add_response(
        "change_message_visibility_batch",
        {"Successful": [{"Id": "0"}], "Failed": []},
        {"QueueUrl": URL, "Entries": [entry]},
    )
    totals = Totals()

    deleter(sqs, ledger, totals, failed=True).work(0.1)

    assert (totals.deleted, totals.failed) == (0, 0)
    assert ledger.acknowledgements.find_unconfirmed("mail", 30) == []
    (found,) = ledger.in_flight.find(["left"])
    assert found is not None
    assert not found.is_in_flight
    put_in_flight(ledger.client, Handle("left", "newer"))
    (again,) = ledger.in_flight.find(["left"])
    assert again is not None
    assert again.is_in_flight


def test_when_sqs_cant_be_reached_all_of_the_batch_waits(sqs: Stubber, ledger: Ledger) -> None:
    for message_id in ("one", "two"):
        acknowledge(ledger, message_id)
    sqs.add_client_error("delete_message_batch", service_error_code="ServiceUnavailable")

    with pytest.raises(QueueUnavailable):
        deleter(sqs, ledger, Totals()).work(0.1)

    assert waiting(ledger) == ["one", "two"]


@pytest.mark.parametrize(("chosen", "deleted"), [(False, 0), (True, 1)])
def test_a_failed_message_is_deleted_only_if_the_operator_chose_so(
    sqs: Stubber, ledger: Ledger, chosen: bool, deleted: int
) -> None:
    acknowledge(ledger, "failed", failure="foreign_bucket")
    call = "delete_message_batch" if chosen else "change_message_visibility_batch"
    sqs.add_response(call, {"Successful": [{"Id": "0"}], "Failed": []})
    totals = Totals()

    deleter(sqs, ledger, totals, failed=chosen).work(0.1)

    assert (totals.failed, totals.deleted) == (1, deleted)


def test_a_failed_message_that_could_not_be_hidden_is_tried_again(
    sqs: Stubber, ledger: Ledger
) -> None:
    acknowledge(ledger, "failed", failure="foreign_bucket")
    sqs.add_client_error("change_message_visibility_batch", service_error_code="InternalError")

    with pytest.raises(QueueUnavailable):
        deleter(sqs, ledger, Totals()).work(0.1)

    assert waiting(ledger) == ["failed"]


def test_failed_messages_are_hidden_until_just_before_sqs_would_refuse_it(ledger: Ledger) -> None:
    queue = FakeQueue(visibility_seconds=30)
    queue.put("{}", "failed")
    (message,) = queue.receive(1)
    handle, now_ms = Handle("failed", message.receipt_handle), int(time.time() * 1000)
    put_in_flight(ledger.client, handle, now_ms=now_ms - 3_600_000)
    ledger.acknowledgements.acknowledge("failed", actor_queue="inbound", failure="no_such_actor")

    Deleter(queue, ledger.acknowledgements, Totals(), delete_failed_messages=False).work(0.1)

    queue.pass_time(10.7 * 3600)
    assert queue.count().visible == 0
    queue.pass_time(0.3 * 3600)
    assert queue.count().visible == 1


class QueueWithoutDeletes(FakeQueue):
    """Deletes nothing until `is_mended`, or deletes and loses the answer."""

    def __init__(self, *, deletes: bool) -> None:
        super().__init__(visibility_seconds=VISIBILITY_SECONDS)
        self.is_mended, self._deletes = False, deletes

    def delete(self, handles: Sequence[Handle]) -> list[EntryFailed]:
        failed = super().delete(handles) if self._deletes or self.is_mended else []
        if not self.is_mended:
            raise QueueUnavailable("ReadTimeoutError")
        return failed


class World:
    """Messages that were acknowledged, a deleter, and the heartbeat of another bridge."""

    def __init__(self, ledger: Ledger, queue: QueueWithoutDeletes, number: int) -> None:
        self.queue, self.ledger, self.totals = queue, ledger, Totals()
        for one in range(number):
            queue.put("a mail", f"message-{one:03}")
        for message in [one for _ in range(number // 10) for one in queue.receive(10)]:
            put_in_flight(ledger.client, Handle(message.message_id, message.receipt_handle))
            acknowledge_again(ledger, message.message_id)
        self.deleter = self.a_deleter()
        self.beat = a_visibility(
            queue, ledger.client, Leases(), visibility_seconds=VISIBILITY_SECONDS
        ).beat

    def a_deleter(self) -> Deleter:
        return Deleter(
            self.queue, self.ledger.acknowledgements, self.totals, delete_failed_messages=False
        )

    def go_on(self, minutes: int) -> None:
        """Let time pass, with a heartbeat each half minute."""
        for _ in range(minutes * 2):
            with suppress(QueueUnavailable):
                self.deleter.work(0.1)
            self.ledger.client.delete(keys.HIDING + "mail")  # it expires between heartbeats
            self.beat()
            self.queue.pass_time(30)


def acknowledge_again(ledger: Ledger, message_id: str) -> None:
    ledger.acknowledgements.acknowledge(message_id, actor_queue="inbound", failure=None)


@pytest.mark.slow
@pytest.mark.parametrize("deletes", [False, True], ids=["not deleted", "answers lost"])
def test_what_can_not_be_deleted_stays_hidden_until_it_is_and_is_counted_once(
    ledger: Ledger, deletes: bool
) -> None:
    """More than one batch: the second waits for its turn while the first is tried again."""
    queue = QueueWithoutDeletes(deletes=deletes)
    world = World(ledger, queue, number=250)

    world.go_on(minutes=10)

    assert queue.count().visible == 0
    queue.is_mended = True
    for _ in range(3):
        world.deleter.work(0.1)
    assert queue.count().not_visible == 0
    assert world.totals.succeeded == 250


@pytest.mark.slow
def test_while_messages_can_not_be_deleted_there_is_no_room_for_others(ledger: Ledger) -> None:
    World(ledger, QueueWithoutDeletes(deletes=False), number=250)

    room = ledger.reservations.reserve(10, bridge="b", at_most=145, now_ms=NOW_MS, seconds=1)

    assert room == 0


def test_what_a_bridge_took_and_did_not_confirm_is_hidden_and_taken_by_another(
    ledger: Ledger,
) -> None:
    """The bridge was killed in between."""
    queue = QueueWithoutDeletes(deletes=False)
    queue.is_mended = True
    world = World(ledger, queue, number=10)
    assert len(ledger.acknowledgements.take("mail", 10, 0.1)) == 10

    world.go_on(minutes=3)
    assert queue.count() == QueueCounts(visible=0, delayed=0, not_visible=10)
    for name, _ in ledger.client.zscan_iter(keys.TAKEN + "mail"):
        ledger.client.zadd(keys.TAKEN + "mail", {name: 1})  # long ago
    world.go_on(minutes=1)

    assert queue.count().not_visible == 0
    assert world.totals.succeeded == 10


def test_of_two_bridges_one_hides_what_waits(ledger: Ledger) -> None:
    world = World(ledger, QueueWithoutDeletes(deletes=False), number=10)
    assert world.queue.count().not_visible == 10

    first, second = (ledger.acknowledgements.find_unconfirmed("mail", 15) for _ in range(2))

    assert (len(first), len(second)) == (10, 0)


def test_what_a_line_about_an_end_says_comes_from_the_dispatch(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    """Any bridge deletes what any other dispatched, and its lines have all ids, too."""
    known = MessageContext("m1", "sns-1", "mails/1", "", 1_000)
    put_in_flight(ledger.client, Handle("m1", "h"), about=known)
    ledger.acknowledgements.acknowledge("m1", actor_queue="inbound", failure=None)
    caplog.handler.addFilter(WithMessageIds())
    caplog.set_level(logging.INFO)

    Deleter(FakeQueue(), ledger.acknowledgements, Totals(), delete_failed_messages=False).work(0.1)

    (line,) = [vars(one) for one in caplog.records if one.message == "message processed"]
    assert known.as_fields().items() <= line.items()


def test_a_message_in_flight_is_known_to_the_bridge_that_adopts_it(ledger: Ledger) -> None:
    known = MessageContext("m1", "sns-1", "mails/1", "", 1_000)
    put_in_flight(ledger.client, Handle("m1", "h"), bridge="dead", about=known)
    leases = Leases()

    a_visibility(FakeQueue(), ledger.client, leases, bridge="alive").beat()

    assert leases.about(Handle("m1", "h")) == known
    assert leases.find_oldest_ms() == 1_000


def test_more_than_one_call_s_worth_is_deleted_by_whole_calls(ledger: Ledger) -> None:
    for number in range(12):
        acknowledge(ledger, f"id-{number}")
    bridge = Deleter(FakeQueue(), ledger.acknowledgements, Totals(), delete_failed_messages=False)
    assert [bridge.work(1), bridge.work(1)] == [10, 2]
