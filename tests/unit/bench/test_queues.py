"""A queue that loses its order, delivers twice, and forgets deletions, as SQS may."""

import pytest

from tools.aws.faults import Dice, Faults
from tools.aws.queues import Message, Queue, State

HIDDEN_SECONDS = 30


def a_queue(*bodies: str) -> Queue:
    queue = Queue("mail", "arn:aws:sqs:us-east-1:123456789012:mail", created_at=0)
    for body in bodies:
        queue.send(Message(body, sent_at=0), now=0)
    return queue


def dice(**faults: float) -> Dice:
    thrown = Dice()
    thrown.set(Faults(**{"reordered": 1} | faults))  # type: ignore[arg-type]
    return thrown


def receive(queue: Queue, thrown: Dice, now: float = 0, limit: int = 1) -> list[Message]:
    return queue.receive(limit, HIDDEN_SECONDS, now, thrown)


def bodies(queue: Queue, thrown: Dice, limit: int = 1) -> list[str]:
    found = []
    while messages := receive(queue, thrown, limit=limit):
        found += [message.body for message in messages]
    return found


def test_messages_may_be_kept_in_order() -> None:
    assert bodies(a_queue(*"abcdefgh"), dice(reordered=1)) == [*"abcdefgh"]


@pytest.mark.parametrize("limit", [1, 10])
def test_messages_come_in_no_order_but_none_is_far_from_its_place(limit: int) -> None:
    sent = [f"{number:02}" for number in range(50)]

    found = bodies(a_queue(*sent), dice(reordered=4), limit)

    assert found != sent
    assert sorted(found) == sent
    ahead = [int(body) - place for place, body in enumerate(found)]
    assert max(ahead) < limit + 4


def test_the_same_seed_gives_the_same_order() -> None:
    first, again, other = (
        bodies(a_queue(*"abcdefghijklmnop"), dice(reordered=4, seed=seed)) for seed in (1, 1, 2)
    )

    assert first == again != other


def test_a_duplicate_comes_while_its_message_is_hidden() -> None:
    """Once, with a handle of its own; SQS does not count it as received."""
    queue, thrown = a_queue("a"), dice(duplicated=1)
    (message,) = receive(queue, thrown)
    first = message.receipt_handle

    (duplicate,) = receive(queue, thrown, now=1)

    assert duplicate.message_id == message.message_id
    assert duplicate.receipt_handle != first
    assert duplicate.receive_count == 1
    assert receive(queue, thrown, now=2) == []
    assert queue.count(State.HIDDEN, now=2) == 1


def test_a_duplicate_of_a_deleted_message_does_not_come() -> None:
    queue, thrown = a_queue("a"), dice(duplicated=1)
    (message,) = receive(queue, thrown)

    queue.delete(message.receipt_handle, thrown)

    assert receive(queue, thrown) == []


def test_a_message_is_not_twice_in_one_answer() -> None:
    queue, thrown = a_queue("a"), dice(duplicated=1)
    receive(queue, thrown)

    assert len(receive(queue, thrown, now=HIDDEN_SECONDS, limit=10)) == 1


def test_a_deletion_that_is_forgotten_brings_the_message_back() -> None:
    queue, thrown = a_queue("a"), dice(undeleted=1)
    (message,) = receive(queue, thrown)

    queue.delete(message.receipt_handle, thrown)

    assert receive(queue, thrown, now=1) == []
    assert len(receive(queue, thrown, now=HIDDEN_SECONDS)) == 1


def test_a_message_comes_back_by_the_newest_of_its_times() -> None:
    queue, thrown = a_queue("a"), dice()
    (message,) = receive(queue, thrown)
    queue.change_visibility(message.receipt_handle, seconds=60, now=10)

    assert receive(queue, thrown, now=69) == []
    assert len(receive(queue, thrown, now=70)) == 1


def test_an_older_handle_changes_no_time() -> None:
    queue, thrown = a_queue("a"), dice()
    (message,) = receive(queue, thrown)
    older = message.receipt_handle
    receive(queue, thrown, now=HIDDEN_SECONDS)

    queue.change_visibility(older, seconds=0, now=HIDDEN_SECONDS)

    assert queue.count(State.HIDDEN, now=HIDDEN_SECONDS) == 1
