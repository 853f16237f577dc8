"""Whether a message is admitted, as what, and that what it is charged ends when it ends."""

import json
from dataclasses import dataclass, field
from itertools import count
from typing import cast

import dramatiq
import pytest

from bridge.ledger import keys
from bridge.ledger.dispatch import Dispatched, Dispatcher, NotAdmitted, Work
from bridge.ledger.lanes import Lane, Lanes
from bridge.messages import Handle
from emails.wire import BULK_QUEUE, FEEDBACK_QUEUE, INBOUND_QUEUE, SQS_MESSAGE_ID
from tests.ledger import NOW_MS, Ledger
from tests.seals import SEALS

ENQUEUED = Dispatched.ENQUEUED
EXPRESS, BULK = INBOUND_QUEUE, BULK_QUEUE
OVER_SHARE, NO_ROOM = Dispatched.OVER_SHARE, Dispatched.NO_ROOM


@dataclass
class Place:
    """A Redis, and a bridge that may have so many messages in flight."""

    ledger: Ledger
    most: int = 200
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    def __call__(
        self, *lanes: str, work: int = 1, queue: str = INBOUND_QUEUE, is_back: bool = False
    ) -> str:
        """Dispatch a new message; say in which queue it is, or why in none."""
        message_id = f"m{next(self.numbers)}"
        message: dramatiq.Message[None] = dramatiq.Message(
            queue, "act", (), {"queue_name": '"queue_name":"inbound"'}, {SQS_MESSAGE_ID: message_id}
        )
        dispatcher = Dispatcher(
            *(self.ledger.client, 60),
            seals=SEALS,
            bridge="b1",
            queue="mail",
            max_in_flight=self.most,
        )
        work_to_do = Work(Handle(message_id, "handle"), message, lanes, work)
        (result,) = dispatcher.dispatch([work_to_do], NOW_MS, has_waited=is_back)
        if isinstance(result, NotAdmitted):
            assert self.ledger.in_flight.find([message_id]) == [None]
            return result.why
        assert result is ENQUEUED, result
        return self.queue_of(message_id)

    def queue_of(self, message_id: str) -> str:
        """Say where it is; its message must know that, too."""
        (found,) = (
            queue
            for queue in (INBOUND_QUEUE, BULK_QUEUE, FEEDBACK_QUEUE)
            for one in cast("list[bytes]", self.ledger.client.hvals(f"relay:{queue}.msgs"))
            if (stored := json.loads(one))["options"][SQS_MESSAGE_ID] == message_id
            and stored["queue_name"] == queue
            and stored["kwargs"] == {"queue_name": '"queue_name":"inbound"'}
        )
        return found

    def end(self, *numbers: int, queue: str = INBOUND_QUEUE, failure: str | None = None) -> None:
        for number in numbers:
            self.ledger.acknowledgements.acknowledge(
                f"m{number}", actor_queue=queue, failure=failure
            )

    @property
    def lanes(self) -> Lanes:
        return Lanes(self.ledger.client)

    def work(self) -> dict[str, int]:
        return {one.name: one.work for one in self.lanes.find_busiest(1000)}


@pytest.fixture
def place(ledger: Ledger) -> Place:
    return Place(ledger)


def test_a_lane_s_first_two_mails_go_before_its_further_ones_and_those_over_its_share_wait(
    place: Place,
) -> None:
    found = [place("flood") for _ in range(32)]
    assert found == [EXPRESS] * 2 + [BULK] * 28 + [OVER_SHARE] * 2
    assert place("innocent") == EXPRESS
    assert place.work() == {"flood": 30, "innocent": 1}


def test_a_mail_that_redis_says_was_processed_without_a_proof_is_admitted_like_others(
    place: Place,
) -> None:
    for number in (1, 2, 40):
        place.ledger.client.hset(
            keys.message(f"m{number}"), mapping={"state": "done", "proof": "A" * 22}
        )

    assert [place("flood") for _ in range(40)] == [EXPRESS] * 2 + [BULK] * 28 + [OVER_SHARE] * 10
    assert place.work() == {"flood": 30}


@pytest.mark.parametrize("junk", ["", "junk", "express x lane", b"\xff"])
def test_a_charge_that_is_none_keeps_no_message_from_ending(
    place: Place, junk: str | bytes
) -> None:
    place("flood")
    place.ledger.client.hset(keys.CHARGES, "m1", junk)

    place.lanes.charge_large("m1", 2**21)
    place.end(1)

    (ended,) = place.ledger.acknowledgements.take("mail", 1, 1)
    assert ended.succeeded
    assert place.ledger.client.hlen(keys.CHARGES) == 0


@pytest.mark.parametrize(("most", "share"), [(1, 1), (20, 14), (200, 30), (1000, 100)])
def test_a_share_is_a_tenth_and_at_least_thirty(ledger: Ledger, most: int, share: int) -> None:
    place = Place(ledger, most)
    found = [place("flood") for _ in range(120)]
    assert sum(one in (EXPRESS, BULK) for one in found) == share


@pytest.mark.parametrize(
    ("work", "found"), [(2, EXPRESS), (3, BULK), (30, BULK), (31, OVER_SHARE), (1000, OVER_SHARE)]
)
def test_shares_count_work_and_not_messages(place: Place, work: int, found: str) -> None:
    assert place("one", work=work) == found


def test_a_mail_to_several_counts_for_the_busiest(place: Place) -> None:
    for _ in range(5):
        place("busy")
    assert place("idle", "busy", "other", work=3) == BULK
    assert place.work() == {"busy": 8}


def test_a_lane_with_mails_in_the_overflow_is_not_a_new_one(place: Place) -> None:
    place.lanes.note_behind(["flood", "flood"])
    assert place("flood") == BULK
    assert place("flood", is_back=True) == BULK
    assert place("flood", is_back=True) == BULK
    place.end(1, 2, 3, queue=BULK_QUEUE)
    assert place("flood") == EXPRESS
    place.lanes.note_behind(["flood"])
    assert place("flood") == BULK, "one in flight, and one behind"


def test_a_mail_to_several_that_came_back_is_behind_none_of_them(place: Place) -> None:
    """It was counted for the lane that was the busiest then, and another is now."""
    place.lanes.note_behind(["first"])
    for _ in range(5):
        place("second")
    assert place("second", "first", is_back=True) == BULK
    assert place.lanes.count_behind() == 0
    assert place("first") == EXPRESS


def test_many_lanes_together_leave_room_for_one_more(place: Place) -> None:
    """Fifty lanes, each below its share."""
    found = [place(f"lane{number % 50}") for number in range(1000)]
    assert found.count(EXPRESS) == 50
    assert found.count(BULK) == 200 - 50 - 40 - 20
    assert [place(f"innocent{number}") for number in range(61)] == [EXPRESS] * 60 + [NO_ROOM]


def test_while_a_tenth_go_first_none_of_a_lane_with_two_does(place: Place) -> None:
    def next_goes_first(number: int) -> bool:
        return place(f"lane{number}") == EXPRESS

    assert all(next_goes_first(number) for number in range(20))
    assert next_goes_first(0), "those are a tenth, and no crowd"
    assert not next_goes_first(1)
    assert place.lanes.is_still_first("m3")
    assert [place.lanes.is_still_first(name) for name in ("m1", "m2")] == [False, True]
    assert place("innocent") == EXPRESS

    place.end(*range(4, 20))
    assert next_goes_first(19), "the crowd is gone"


def test_what_comes_now_and_what_is_back_leave_each_other_a_tenth(place: Place) -> None:
    """Otherwise mail that comes without end would take each place as it gets free."""
    found = [place(f"lane{number % 5}") for number in range(150)]
    assert found.count(BULK) == 150 - 20
    assert [place("flood", is_back=True) for _ in range(21)] == [BULK] * 20 + [NO_ROOM]

    place.end(*range(151, 171), queue=BULK_QUEUE)
    assert place("lane0") == NO_ROOM
    assert place("flood", is_back=True) == BULK


def test_mail_from_the_overflow_gets_what_the_others_leave_and_at_least_a_tenth(
    place: Place,
) -> None:
    found = [place(f"lane{number}") for number in range(200)]
    assert found.count(EXPRESS) == 180
    assert place.lanes.find_bulk_room(200) == 20
    assert [place("flood", is_back=True) for _ in range(21)] == [BULK] * 20 + [NO_ROOM]
    assert place.lanes.find_bulk_room(200) == 0


def test_mail_from_the_overflow_leaves_a_fifth_to_others(place: Place) -> None:
    found = [place("flood", is_back=True) for _ in range(200)]
    assert found.count(BULK) == 160 - 20
    assert [place(f"lane{number}") for number in range(61)] == [EXPRESS] * 60 + [NO_ROOM]


def test_feedback_has_room_of_its_own_when_mail_has_all(place: Place) -> None:
    for number in range(400):
        place(f"lane{number}")
        place("flood", is_back=True)
    found = [place(queue=FEEDBACK_QUEUE) for _ in range(21)]
    assert found == [FEEDBACK_QUEUE] * 20 + [NO_ROOM]
    place.end(401 + 400, queue=FEEDBACK_QUEUE)
    assert place(queue=FEEDBACK_QUEUE) == FEEDBACK_QUEUE


def test_feedback_may_have_all_that_mail_leaves(place: Place) -> None:
    assert [place(queue=FEEDBACK_QUEUE) for _ in range(201)] == [FEEDBACK_QUEUE] * 200 + [NO_ROOM]
    assert place("one") == EXPRESS


@pytest.mark.parametrize("failure", [None, "refused:mail_missing"])
def test_the_end_of_a_message_ends_what_it_is_charged(place: Place, failure: str | None) -> None:
    for _ in range(30):
        place("flood")
    place.end(*range(1, 31), failure=failure)
    place.end(*range(1, 31), failure=failure)
    assert place.work() == {}
    assert place.ledger.client.hmget(keys.CLASSES, "express", "bulk") == [b"0", b"0"]
    assert place("flood") == EXPRESS


def test_what_is_no_longer_in_flight_is_charged_no_more_after_a_heartbeat(place: Place) -> None:
    for _ in range(30):
        place("flood")
    place.ledger.client.zrem(keys.IN_FLIGHT, *(f"m{number}" for number in range(1, 30)))
    place.ledger.in_flight.settle_charges()
    assert place.work() == {"flood": 1}


def test_a_message_that_redis_lost_is_dispatched_again_to_its_queue_and_charged_once(
    place: Place,
) -> None:
    for _ in range(3):
        place("flood")
    place.ledger.client.delete("relay:bulk", "relay:bulk.msgs")
    place.numbers = count(3)
    assert place("flood") == BULK
    assert place.work() == {"flood": 3}


@pytest.mark.parametrize(
    ("queue", "class_name", "lost_as"),
    [(EXPRESS, "bulk", BULK), (FEEDBACK_QUEUE, "feedback", FEEDBACK_QUEUE)],
)
def test_what_redis_lost_and_a_heartbeat_dropped_is_charged_when_it_is_dispatched_again(
    place: Place, queue: str, class_name: str, lost_as: str
) -> None:
    """Otherwise its room was given to others, and it has room beside."""
    lanes = () if queue == FEEDBACK_QUEUE else ("one",)
    place(*lanes, queue=queue)
    place.ledger.client.delete(f"relay:{queue}", f"relay:{queue}.msgs")
    place.ledger.in_flight.drop_lost(place.ledger.in_flight.find_all())
    place.ledger.in_flight.settle_charges()
    assert (place.work(), place.ledger.client.hlen(keys.CHARGES)) == ({}, 0)

    place.numbers = count(1)
    assert place(*lanes, queue=queue) == lost_as

    assert place.work() == dict.fromkeys(lanes, 1)
    assert place.ledger.client.hget(keys.CLASSES, class_name) == b"1"
    place.end(1, queue=lost_as)
    assert place.ledger.client.hget(keys.CLASSES, class_name) == b"0"


def test_a_large_mail_is_bulk_from_then_on_and_work_for_each_mebibyte(place: Place) -> None:
    place("one")
    for _ in range(2):
        place.lanes.charge_large("m1", 40 * 1024 * 1024)
    place.lanes.charge_large("unknown", 1)
    assert place.work() == {"one": 41}
    assert place.ledger.client.hmget(keys.CLASSES, "express", "bulk") == [b"0", b"1"]
    assert place("one") == OVER_SHARE


@pytest.mark.parametrize("behind", [0, 1])
def test_a_lane_s_first_mail_goes_first_until_two_more_have_come(place: Place, behind: int) -> None:
    place("flood", "other")
    assert place.lanes.is_still_first("m1")
    place("flood")
    assert place.lanes.is_still_first("m1")

    place.lanes.note_behind(["flood"] * behind)
    if not behind:
        place("flood")

    assert [place.lanes.is_still_first(name) for name in ("m1", "m2")] == [False, False]
    assert place.ledger.client.hget(keys.CLASSES, "express") == b"0"
    assert place.work() == {"flood": 3 - behind}
    place.end(2, 3, queue=BULK_QUEUE)
    place.lanes.forget_behind()
    assert not place.lanes.is_still_first("m1"), "it is in the other queue by now"


def test_a_message_that_is_charged_nothing_keeps_its_place(place: Place) -> None:
    assert place.lanes.is_still_first("unknown")


@pytest.mark.parametrize("is_back", [False, True])
def test_a_released_lane_s_mail_goes_first_however_much_it_is(place: Place, is_back: bool) -> None:
    found = [place("flood") for _ in range(31)]
    assert found[-1] == OVER_SHARE
    place.lanes.note_behind(["flood"])

    place.lanes.release("flood", 60)

    assert place("flood", is_back=is_back) == EXPRESS
    assert place.lanes.is_still_first("m1")
    assert place.lanes.count_behind() == 1 - is_back
    assert place("flood2", is_back=True) == BULK
    (seen,) = place.lanes.find(["flood"])
    assert 0 < seen.released_seconds <= 60

    place.lanes.release("flood", 0)
    assert place("flood") == OVER_SHARE


def test_operators_see_the_busiest_lanes_first(place: Place) -> None:
    for _ in range(3):
        place("one")
    place("two")
    place.lanes.note_behind(["two", "three", ""])
    assert place.lanes.find_busiest(3) == [
        Lane("two", 1, 1),
        Lane("three", 0, 1),
        Lane("one", 3, 0),
    ]
    assert (place.lanes.count(), place.lanes.count(3), place.lanes.count_behind()) == (2, 1, 2)
    place.lanes.forget_behind()
    assert place.lanes.count_behind() == 0


def test_a_dead_letter_of_the_other_queue_is_buried_too(place: Place) -> None:
    """A mail may have died in one queue and have been delivered again to the other."""
    client = place.ledger.client
    place("one")
    place.end(1, failure="refused:x")
    client.set(keys.dead_letter_of("m1"), "letter")
    client.zadd(keys.dead_letters(BULK_QUEUE), {"letter": 1})
    client.hset(keys.messages_of(keys.dead_letters(BULK_QUEUE)), "letter", "{}")

    place.end(1)

    assert not client.exists(keys.dead_letters(BULK_QUEUE), keys.dead_letter_of("m1"))
