"""Deletes that fail in part, or altogether: nothing acknowledged is forgotten.

SQS's answers are played by botocore's own stubber.
"""

import time
from collections.abc import Iterator
from typing import Any, cast

import boto3
import pytest
from botocore.stub import Stubber

from bridge.deleter import Deleter
from bridge.messages import Handle
from bridge.ports import QueueUnavailable
from bridge.sqs import SqsQueue
from bridge.totals import Totals
from tests.fake_queue import FakeQueue
from tests.ledger import Ledger, put_in_flight

URL = "https://sqs.us-east-1.amazonaws.com/123456789012/mail"


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
