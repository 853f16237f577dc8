"""Mails that wait for SES's rate go in order, those of lanes with little in flight first."""

from collections.abc import Iterator

import pytest
import redis

from emails.edges.turns import Turns
from runtime.lane import goes_first

RATE = 10
GAP = 1 / RATE


class Line:
    """Tickets that ask whenever they are told that their turn may come."""

    def __init__(self, client: redis.Redis) -> None:
        self.now = 1000.0
        self.turns = Turns(client, lambda: self.now)
        self.waiting: dict[str, tuple[bool, float]] = {}
        self.gone: list[str] = []

    def come(self, *names: str, first: bool = False) -> None:
        for name in names:
            self.waiting[name] = (first, self.now)

    def pass_time(self, seconds: float) -> None:
        """Let time pass in steps of a millisecond."""
        until = self.now + seconds
        while self.now < until:
            for name, (first, at) in list(self.waiting.items()):
                if at <= self.now:
                    self._ask(name, first=first)
            self.now = round(self.now + 0.001, 3)

    def _ask(self, name: str, *, first: bool) -> None:
        goes_first.set(first)
        wait_seconds = self.turns.ask(name, RATE)
        if wait_seconds == 0:
            del self.waiting[name]
            self.gone.append(name)
        else:
            self.waiting[name] = (first, self.now + min(wait_seconds, 0.5))


@pytest.fixture
def line(redis_client: redis.Redis) -> Iterator[Line]:
    """An empty line; the first turn, which is due at once, is taken."""
    line = Line(redis_client)
    line.come("x")
    line.pass_time(0.001)
    assert line.gone == ["x"]
    line.gone.clear()
    yield line
    goes_first.set(False)


def test_the_whole_rate_is_used_and_everybody_goes_in_order(line: Line) -> None:
    names = [f"m{number}" for number in range(30)]
    line.come(*names)
    line.pass_time(3.05)
    assert line.gone == names


def test_no_more_go_than_may(line: Line) -> None:
    line.come(*(f"m{number}" for number in range(100)))
    for second in range(1, 4):
        line.pass_time(1)
        assert len(line.gone) <= second * RATE + 1


def test_who_goes_first_waits_for_one_turn_however_many_others_wait(line: Line) -> None:
    line.come(*(f"other{number}" for number in range(50)))
    line.pass_time(0.55)
    before = len(line.gone)
    line.come("first", first=True)
    line.pass_time(GAP)
    assert line.gone[before:] == ["first"]


def test_the_others_get_every_tenth_turn_at_least(line: Line) -> None:
    line.come(*(f"first{number}" for number in range(60)), first=True)
    line.come("other0", "other1", "other2")
    line.pass_time(3.5)
    at = [position for position, name in enumerate(line.gone) if name.startswith("other")]
    assert at == [9, 19, 29]
    firsts = [name for name in line.gone if name.startswith("first")]
    assert firsts == [f"first{number}" for number in range(len(firsts))]


def test_the_others_have_all_turns_that_nobody_else_wants(line: Line) -> None:
    line.come(*(f"other{number}" for number in range(20)))
    line.pass_time(2.05)
    assert len(line.gone) == 20


def test_who_died_in_line_delays_the_others_for_two_seconds_at_most(line: Line) -> None:
    line.come(*(f"dead{number}" for number in range(40)))
    line.pass_time(0.001)
    line.waiting.clear()
    line.come("m1", "m2")
    line.pass_time(2.3)
    assert line.gone == ["m1", "m2"]


def test_who_is_late_delays_nobody(line: Line) -> None:
    line.come("late")
    line.pass_time(0.001)
    line.waiting["late"] = (False, line.now + 0.55)
    line.come("m1")
    line.pass_time(3 * GAP)
    assert line.gone == ["m1"]
    line.pass_time(0.5)
    assert line.gone == ["m1", "late"]


def test_who_leaves_is_waited_for_no_longer(line: Line) -> None:
    line.come("leaving")
    line.pass_time(0.001)
    line.waiting.clear()
    line.turns.leave("leaving")
    line.come("m1")
    line.pass_time(GAP)
    assert line.gone == ["m1"]
