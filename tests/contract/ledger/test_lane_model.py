"""What the scripts admit, charge and move to bulk is what a model of a few lines says.

Whoever has little in flight goes first, and stays there: only more of its lane moves a mail.
"""

from dataclasses import dataclass, field
from random import Random

import pytest

from bridge.ledger import keys
from emails.wire import BULK_QUEUE, INBOUND_QUEUE
from tests.contract.ledger.test_lanes import OVER_SHARE, Place
from tests.ledger import Ledger

MOST, SHARE, FIRST, STEPS = 1_000, 100, 2, 150
LANES = ["flood", "flood", "flood", "two", "one"]


@dataclass
class Model:
    """Each lane's mails in flight, `first` or not, by number, and how many are behind it."""

    in_flight: dict[int, tuple[str, int, bool]] = field(default_factory=dict)
    behind: dict[str, int] = field(default_factory=dict)

    def has_little(self, lane: str, but: int = 0) -> bool:
        return self.work(lane, but) + self.behind.get(lane, 0) < FIRST

    def work(self, lane: str, but: int = 0) -> int:
        mails = ((number, one) for number, one in self.in_flight.items() if number != but)
        return sum(work for _, (of, work, _) in mails if of == lane)

    def admit(self, number: int, lane: str, work: int) -> str:
        is_first = self.has_little(lane) and work <= FIRST
        if not is_first and self.work(lane) + work > SHARE:
            return OVER_SHARE
        self.in_flight[number] = lane, work, is_first
        return INBOUND_QUEUE if is_first else BULK_QUEUE

    def is_still_first(self, number: int) -> bool:
        lane, work, is_first = self.in_flight[number]
        is_first = is_first and self.has_little(lane, but=number)
        self.in_flight[number] = lane, work, is_first
        return is_first


@pytest.mark.parametrize("seed", range(4))
def test_the_scripts_do_as_the_model_says(ledger: Ledger, seed: int) -> None:
    random, place, model = Random(seed), Place(ledger, MOST), Model()
    for number in range(1, STEPS + 1):
        lane, work = random.choice(LANES), random.choice([1, 1, 1, 2, 3, 40])
        assert place(lane, work=work) == model.admit(number, lane, work)
        match random.choice(["end", "end all", "behind", "back", "ask"]):
            case "end" if model.in_flight:
                one = random.choice(list(model.in_flight))
                place.end(one)
                del model.in_flight[one]
            case "end all" if random.random() < 0.2:
                place.end(*model.in_flight)
                model.in_flight.clear()
            case "behind":
                place.lanes.note_behind([lane])
                model.behind[lane] = model.behind.get(lane, 0) + 1
            case "back" if model.behind.get(lane):
                place.lanes.note_behind([lane], -1)
                model.behind[lane] -= 1
            case _:
                for one in model.in_flight:
                    assert place.lanes.is_still_first(f"m{one}") == model.is_still_first(one)
        check_sums(place, model)


def check_sums(place: Place, model: Model) -> None:
    """Compare what Redis counts with the sums of the model."""
    firsts = sum(is_first for _, _, is_first in model.in_flight.values())
    counted = place.ledger.client.hmget(keys.CLASSES, "express", "bulk")
    assert [int(one or 0) for one in counted] == [firsts, len(model.in_flight) - firsts]
    found = {name: work for name, work in place.work().items() if work}
    assert found == {lane: work for lane in LANES if (work := model.work(lane))}


def test_a_mail_is_moved_only_when_its_lane_s_next_one_would_not_go_first(ledger: Ledger) -> None:
    place = Place(ledger, MOST)
    for number in range(1, 20):
        place("lane")
        moved = not place.lanes.is_still_first("m1")
        assert moved == (number > FIRST)
    place.end(*range(2, 20))
    assert place("lane") == INBOUND_QUEUE
