"""Suspects: messages that fail alike show whose fault it is, and wait until that is known."""

import time

import pytest

from bridge.breakers import BLAMES
from bridge.messages import Message
from bridge.parking import MANY_SUSPECTS, MOST_SUSPECTS, SUSPECT_SECONDS
from bridge.sns.reject_reasons import RejectReason
from tests.unit.bridge.parking_world import (
    GENUINE,
    UNKNOWN,
    VISIBILITY_SECONDS,
    WRONG_TOPIC,
    World,
)

SUSPECTS = [
    (WRONG_TOPIC, {"configuration": "AWS_SNS_TOPIC"}),
    (UNKNOWN, {"certificates": "certificate_missing"}),
]


@pytest.mark.parametrize(("body", "opens"), SUSPECTS, ids=["topic", "certificate"])
@pytest.mark.parametrize(
    ("number", "seconds", "is_open"),
    [
        (1, 3600, False),
        (MANY_SUSPECTS - 1, 3600, False),
        (MANY_SUSPECTS, SUSPECT_SECONDS - 1, False),
        (MANY_SUSPECTS, SUSPECT_SECONDS, True),
    ],
)
def test_many_that_fail_alike_for_a_while_show_that_the_fault_is_ours(
    world: World, body: str, opens: dict[str, str], number: int, seconds: float, is_open: bool
) -> None:
    world.deliver(number, body)

    world.pass_time(seconds)

    assert world.open() == (opens if is_open else {})


@pytest.mark.parametrize("body", [WRONG_TOPIC, UNKNOWN], ids=["topic", "certificate"])
def test_if_a_good_message_passes_among_them_the_fault_is_theirs(world: World, body: str) -> None:
    world.deliver(MANY_SUSPECTS - 1, body)
    world.deliver(1, GENUINE)
    world.deliver(MANY_SUSPECTS - 1, body)

    world.pass_time(60)

    assert world.open() == {}
    assert world.queue.count().not_visible == 0


def test_what_was_sent_before_a_message_that_passed_is_no_suspect(world: World) -> None:
    """Of an hour of raw delivery, what was left in SQS opened the breaker again and again."""
    world.deliver(MANY_SUSPECTS, WRONG_TOPIC)
    world.queue.pass_time(1)
    world.deliver(1, GENUINE)
    world.queue.pass_time(VISIBILITY_SECONDS)
    for _ in range(MANY_SUSPECTS):
        world.poller.cycle(1)

    world.pass_time(SUSPECT_SECONDS)

    assert world.receive_counts() == {1, 2}
    assert world.open() == {}


def test_what_is_no_suspect_is_deleted_at_once_if_operators_chose_that() -> None:
    world = World(delete_failed_messages=True)
    world.queue.put(WRONG_TOPIC)
    world.queue.pass_time(1)
    world.queue.put(GENUINE)
    world.parking.clear_suspects(passed_sent_at_ms=1_000)

    world.poller.cycle(1)

    assert world.queue.count().visible == 1
    assert world.queue.count().not_visible == 0


@pytest.mark.parametrize("sent_ago", [29, 31])
def test_a_suspect_of_long_ago_is_no_probe(world: World, sent_ago: int) -> None:
    """At one every five seconds, those of an hour stood before good mail for ten."""
    world.queue.pass_time(time.time() - sent_ago)
    world.queue.put(WRONG_TOPIC)

    assert world.poller.cycle(1).is_no_probe == (sent_ago > 30)


def test_when_no_more_suspects_can_be_kept_hidden_each_is_a_probe(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.parking.MOST_SUSPECTS", 2)
    for _ in range(3):
        world.queue.put(WRONG_TOPIC)

    assert [world.poller.cycle(1).is_no_probe for _ in range(3)] == [True, False, False]


def test_one_message_that_is_received_many_times_shows_nothing(world: World) -> None:
    world.queue.put(WRONG_TOPIC)
    for _ in range(MANY_SUSPECTS):
        world.poller.cycle(1)
        world.queue.pass_time(VISIBILITY_SECONDS)
        world.now += VISIBILITY_SECONDS
        world.poller.judge_parked()

    assert world.open() == {}


def test_while_the_fault_is_ours_suspects_are_kept_hidden(world: World) -> None:
    world.deliver(MANY_SUSPECTS + 5, WRONG_TOPIC)

    world.pass_time(3600)

    assert (world.queue.count().visible, world.receive_counts()) == (0, {1})


@pytest.mark.parametrize("deletes", [False, True])
def test_a_good_message_closes_the_breaker_and_releases_the_suspects(deletes: bool) -> None:
    """None is deleted, although operators may have chosen so: the fault was not theirs."""
    world = World(delete_failed_messages=deletes)
    world.deliver(MANY_SUSPECTS, WRONG_TOPIC)
    world.pass_time(60)
    assert world.open()

    world.deliver(1, GENUINE)

    assert world.open() == {}
    assert world.queue.count().visible == MANY_SUSPECTS


@pytest.mark.parametrize(
    ("body", "left"), [(WRONG_TOPIC, 0), (UNKNOWN, 1)], ids=["topic", "certificate"]
)
def test_a_suspect_is_deleted_only_when_a_good_message_has_passed(body: str, left: int) -> None:
    world = World(delete_failed_messages=True)
    world.deliver(1, body)
    assert world.queue.count().not_visible == 1

    world.deliver(1, GENUINE)

    assert world.queue.count().not_visible == left + 1


def test_suspects_are_released_at_the_stop(world: World) -> None:
    world.deliver(MANY_SUSPECTS, WRONG_TOPIC)
    world.pass_time(60)

    world.parking.release_all()

    assert world.queue.count().visible == MANY_SUSPECTS


def test_few_handles_are_kept_and_those_of_the_newest(world: World) -> None:
    blame = BLAMES[RejectReason.RAW_DELIVERY]
    for number in range(MOST_SUSPECTS + 1):
        world.parking.suspect(Message(f"m{number}", "h", "", 1, 0), blame)

    kept = world.parking.clear_suspects()[blame]

    assert (len(kept), kept[0].message_id) == (MOST_SUSPECTS, "m1")
