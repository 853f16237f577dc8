"""SQS as the bridge sees it: the stand-in does as boto3's SQS does on moto and on the fast AWS."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import pytest

from bridge.messages import Handle, Message
from bridge.ports import Queue, QueueCounts, QueueUnavailable
from bridge.sqs import SqsQueue
from tests.fake_queue import FakeQueue
from tools.local.aws import REGION, TOPIC, SimulatedAws

WAIT_SECONDS = 2
HEADER = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
GARBAGE = Handle("nobody", "no receipt handle")


@dataclass
class AnyQueue:
    """A queue, and what sends to it."""

    queue: Queue
    put: Callable[[str], str]

    def receive_one(self) -> Message:
        (message,) = self.queue.receive(10)
        return message


MakeQueue = Callable[..., AnyQueue]


@pytest.fixture(scope="module")
def connect(aws_threads: dict[str, SimulatedAws]) -> Callable[[str, int, int], SqsQueue]:
    """Connect to the queue of either server."""

    @cache
    def make(played_by: str, wait_seconds: int, visibility_seconds: int) -> SqsQueue:
        aws = aws_threads[played_by]
        with pytest.MonkeyPatch.context() as environ:
            environ.setenv("AWS_ENDPOINT_URL", aws.endpoint)
            return SqsQueue(aws.queue_url, REGION, wait_seconds, visibility_seconds)

    return make


@pytest.fixture(params=["stand-in", "moto", "tools.aws"])
def make_queue(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    aws_threads: dict[str, SimulatedAws],
    connect: Callable[[str, int, int], SqsQueue],
) -> MakeQueue:
    """Make the queue, empty; what is received is hidden for `visibility_seconds`."""

    def make(visibility_seconds: int = 60, wait_seconds: int = WAIT_SECONDS) -> AnyQueue:
        if request.param == "stand-in":
            fake = FakeQueue(wait_seconds, visibility_seconds)
            return AnyQueue(fake, fake.put)
        aws = aws_threads[request.param]
        aws.reset()
        # A subscription is confirmed by a client that is made for it.
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint)
        return AnyQueue(connect(request.param, wait_seconds, visibility_seconds), aws.put)

    return make


def moto_differs(reason: str) -> pytest.MarkDecorator:
    """Mark a case in which moto alone does other than AWS; it is held to that."""
    failing = pytest.param("moto", marks=pytest.mark.xfail(strict=True, reason=reason))
    return pytest.mark.parametrize("make_queue", ["stand-in", failing, "tools.aws"], indirect=True)


@pytest.fixture
def any_queue(make_queue: MakeQueue) -> AnyQueue:
    """The queue; what is received is hidden for a minute."""
    return make_queue()


def handle_of(message: Message) -> Handle:
    return Handle(message.message_id, message.receipt_handle)


def test_it_knows_its_name(any_queue: AnyQueue) -> None:
    assert any_queue.queue.queue_name == "mail"


def test_a_message_is_received_as_it_was_sent(any_queue: AnyQueue) -> None:
    message_id = any_queue.put("grüß Gott")

    message = any_queue.receive_one()

    assert (message.message_id, message.body) == (message_id, "grüß Gott")
    assert message.receive_count == 1
    assert any_queue.queue.count() == QueueCounts(visible=0, delayed=0, not_visible=1)


def test_no_more_are_received_than_asked_for_and_each_once(any_queue: AnyQueue) -> None:
    sent = {any_queue.put(f"message {number}") for number in range(5)}

    first, rest = any_queue.queue.receive(3), any_queue.queue.receive(10)

    assert (len(first), len(rest)) == (3, 2)
    assert {message.message_id for message in first + rest} == sent


def test_an_empty_queue_gives_nothing_after_a_while(make_queue: MakeQueue) -> None:
    any_queue = make_queue(wait_seconds=1)
    started = time.monotonic()

    assert any_queue.queue.receive(10) == []

    assert time.monotonic() - started < 8


def test_a_receive_that_does_not_wait_gives_what_there_is_at_once(make_queue: MakeQueue) -> None:
    any_queue = make_queue(wait_seconds=20)
    started = time.monotonic()
    assert any_queue.queue.receive(10, waits=False) == []
    assert time.monotonic() - started < 10

    message_id = any_queue.put("a message")

    (message,) = any_queue.queue.receive(10, waits=False)
    assert message.message_id == message_id


def test_what_is_not_deleted_comes_again_with_a_newer_handle(make_queue: MakeQueue) -> None:
    any_queue = make_queue(visibility_seconds=1)
    any_queue.put("a message")

    first, again = any_queue.receive_one(), any_queue.receive_one()

    assert again.message_id == first.message_id
    assert again.receipt_handle != first.receipt_handle
    assert again.receive_count == 2
    assert again.sent_at_ms == first.sent_at_ms


@pytest.mark.slow
def test_what_is_hidden_for_longer_does_not_come_again(make_queue: MakeQueue) -> None:
    any_queue = make_queue(visibility_seconds=2, wait_seconds=3)
    any_queue.put("a message")

    assert any_queue.queue.change_visibility([handle_of(any_queue.receive_one())], 60) == []

    assert any_queue.queue.receive(10) == []


def test_what_is_shown_comes_again_at_once(any_queue: AnyQueue) -> None:
    any_queue.put("a message")

    assert any_queue.queue.change_visibility([handle_of(any_queue.receive_one())], 0) == []

    assert any_queue.queue.count().visible == 1
    assert any_queue.receive_one().receive_count == 2


def test_what_is_deleted_is_gone_and_may_be_deleted_again(any_queue: AnyQueue) -> None:
    for number in range(12):
        any_queue.put(f"message {number}")
    handles = [handle_of(one) for _ in range(2) for one in any_queue.queue.receive(10)]

    for _ in range(2):
        assert any_queue.queue.delete(handles) == []

    assert any_queue.queue.count() == QueueCounts(0, 0, 0)


def test_the_newest_handle_deletes(make_queue: MakeQueue) -> None:
    any_queue = make_queue(visibility_seconds=0)
    any_queue.put("a message")
    any_queue.receive_one()

    assert any_queue.queue.delete([handle_of(any_queue.receive_one())]) == []

    assert any_queue.queue.count() == QueueCounts(0, 0, 0)


@moto_differs("moto deletes by any handle that it ever gave")
def test_an_older_handle_is_accepted_and_deletes_nothing(make_queue: MakeQueue) -> None:
    any_queue = make_queue(visibility_seconds=0)
    any_queue.put("a message")
    older = handle_of(any_queue.receive_one())
    any_queue.receive_one()

    assert any_queue.queue.delete([older]) == []

    assert any_queue.queue.count() == QueueCounts(1, 0, 0)


@moto_differs("moto hides messages that nobody received, and knows no handle of a deleted one")
@pytest.mark.parametrize("state", ["visible again", "deleted"])
def test_what_is_not_hidden_can_not_be_hidden_for_longer(make_queue: MakeQueue, state: str) -> None:
    any_queue = make_queue()
    any_queue.put("a message")
    handle = handle_of(any_queue.receive_one())
    if state == "deleted":
        any_queue.queue.delete([handle])
    else:
        any_queue.queue.change_visibility([handle], 0)

    (failed,) = any_queue.queue.change_visibility([handle], 60)

    assert (failed.handle, failed.may_retry) == (handle, False)
    assert failed.code != "ReceiptHandleIsInvalid"
    assert any_queue.queue.count().not_visible == 0


@pytest.mark.parametrize("change", ["delete", "hide", "show"])
def test_of_a_batch_what_is_no_message_fails_and_the_rest_does_not(
    any_queue: AnyQueue, change: str
) -> None:
    any_queue.put("a message")
    handles = [GARBAGE, handle_of(any_queue.receive_one())]

    failed = (
        any_queue.queue.delete(handles)
        if change == "delete"
        else any_queue.queue.change_visibility(handles, 60 if change == "hide" else 0)
    )

    assert [(one.handle, one.code, one.may_retry) for one in failed] == [
        (GARBAGE, "ReceiptHandleIsInvalid", False)
    ]
    expected = {"delete": (0, 0), "hide": (0, 1), "show": (1, 0)}[change]
    counts = any_queue.queue.count()
    assert (counts.visible, counts.not_visible) == expected


def test_a_subscription_is_confirmed_where_there_is_such_a_topic(any_queue: AnyQueue) -> None:
    any_queue.queue.confirm_subscription(TOPIC, "a token")

    with pytest.raises(QueueUnavailable) as failure:
        any_queue.queue.confirm_subscription(f"{TOPIC}-not", "a token")

    assert failure.value.code == "NotFound"


def test_a_copy_has_its_original_s_body_and_age_and_an_id_of_its_own(make_queue: MakeQueue) -> None:
    any_queue = make_queue()
    original = Message("id", "handle", "ein Körper", receive_count=3, sent_at_ms=1_700_000_000_000)

    assert any_queue.queue.send([original]) == []

    copy = any_queue.receive_one()
    assert (copy.body, copy.sent_at_ms) == (original.body, original.sent_at_ms)
    assert (copy.receive_count, copy.message_id != "id") == (1, True)


@moto_differs("moto drops the header of what is sent in batches")
def test_a_copy_is_in_its_original_s_trace(make_queue: MakeQueue) -> None:
    any_queue = make_queue()
    original = Message("id", "handle", "x", 1, 1_700_000_000_000, trace_header=HEADER)

    assert any_queue.queue.send([original]) == []

    assert any_queue.receive_one().trace_header == HEADER


def test_more_copies_are_sent_than_one_call_takes(make_queue: MakeQueue) -> None:
    any_queue = make_queue()
    originals = [Message(f"id{number}", "handle", "x", 1, number) for number in range(23)]
    assert any_queue.queue.send(originals) == []
    assert any_queue.queue.count().visible == 23


def test_large_copies_are_sent_in_several_calls(make_queue: MakeQueue) -> None:
    """All bodies of a call together may have 256 KB, with every version of SQS."""
    any_queue = make_queue()
    originals = [Message(f"id{number}", "handle", "é" * 60_000, 1, 1) for number in range(5)]
    assert any_queue.queue.send(originals) == []
    assert any_queue.queue.count().visible == 5
