"""The judge itself: a harness that calls everything well proves nothing."""

from dataclasses import replace

import pytest

from tests.chaos.accounting import BAD, Fate, judge
from tests.chaos.schedule import LONG, SHORT, STORM, Kind, drawn
from tests.lab.accounts import Account, Books, Sending

FINISHED, IN_DOUBT, CLAIMED, NONE = "finished", "in_doubt", "claimed", ""
ONCE = [Sending(100.0, "workers-1.1")]
TWICE = [*ONCE, Sending(140.0, "workers-2.1")]
KILLED = {"workers-1.1": [50.0, 100.2]}


@pytest.mark.parametrize(
    ("sendings", "state", "killed_at", "failure", "is_in_sqs", "fate"),
    [
        (ONCE, FINISHED, {}, None, False, Fate.FORWARDED),
        (ONCE, CLAIMED, {}, None, True, Fate.UNSETTLED),
        (ONCE, NONE, {}, None, False, Fate.UNSETTLED),
        (ONCE, IN_DOUBT, {}, "send_in_doubt", True, Fate.IN_DOUBT_SENT),
        ([], IN_DOUBT, {}, "send_in_doubt", True, Fate.IN_DOUBT_NOT_SENT),
        ([], NONE, {}, "mail_missing", True, Fate.DEAD_LETTERED),
        ([], NONE, {}, "mail_missing", False, Fate.LOST),
        ([], NONE, {}, None, True, Fate.LOST),
        ([], FINISHED, {}, None, False, Fate.LOST),
        (TWICE, FINISHED, KILLED, None, False, Fate.TWICE_EXPLAINED),
        (TWICE, FINISHED, {}, None, False, Fate.TWICE),
        (TWICE, FINISHED, {"workers-1.1": [98.5]}, None, False, Fate.TWICE),
        (TWICE, FINISHED, {"workers-1.1": [110.0]}, None, False, Fate.TWICE),
        (TWICE, FINISHED, {"workers-2.1": [140.1]}, None, False, Fate.TWICE),
        ([*TWICE, Sending(150, "workers-3.1")], FINISHED, KILLED, None, False, Fate.TWICE),
    ],
)
def test_what_became_of_a_message(
    sendings: list[Sending],
    state: str,
    killed_at: dict[str, list[float]],
    failure: str | None,
    is_in_sqs: bool,
    fate: Fate,
) -> None:
    failures = [failure] if failure else []
    account = Account("1", sendings, state, {"a": 1}, is_queued=is_in_sqs, failures=failures)
    assert judge(account, killed_at=killed_at).fate is fate


def test_a_message_that_kills_its_workers_is_to_be_dead_lettered() -> None:
    dead = Account("1", [], CLAIMED, {}, is_queued=True, failures=["too_many_deliveries"])
    doubtful = replace(dead, state=IN_DOUBT)

    assert judge(dead, killed_at={}, is_poison=True).fate is Fate.POISON
    assert judge(doubtful, killed_at={}, is_poison=True).fate is Fate.POISON
    assert judge(dead, killed_at={}).fate is Fate.DEAD_LETTERED
    assert Fate.DEAD_LETTERED in BAD


def test_what_a_run_cost_besides_one_sending_and_one_receive_per_mail() -> None:
    perfect = Account("1", ONCE, FINISHED, {"a": 1, "b": 1})
    twice = Account("2", TWICE, FINISHED, {"c": 3}, is_given_up=True, failures=["crashed"])
    doubtful = Account("3", [], IN_DOUBT, {"d": 1}, is_queued=True)

    assert Books([perfect]).cost == {}
    assert Books([perfect, twice, doubtful], {"send_in_doubt": 1}).cost == {
        "not sent": 1,
        "sent again": 1,
        "in doubt": 1,
        "left in the queue": 1,
        "in SQS's dead-letter queue": 1,
        "receives burnt": 2,
        "dead letter: crashed": 1,
        "dead letter in Redis: send_in_doubt": 1,
    }


def test_the_same_seed_breaks_the_same_things() -> None:
    assert drawn(LONG, 7) == drawn(LONG, 7) != drawn(LONG, 8)
    assert len(drawn(SHORT, 1)) == SHORT.faults


def test_a_storm_is_drawn_by_its_seed() -> None:
    assert drawn(STORM, 7) == drawn(STORM, 7) != drawn(STORM, 8)
    kinds = {fault.kind for seed in range(30) for fault in drawn(STORM, seed)}
    assert kinds == set(Kind)


def test_the_long_run_is_as_hard_as_promised() -> None:
    assert LONG.numbers.keys() == set(Kind)
    assert LONG.messages >= 5_000
    assert LONG.kills >= 30
    assert LONG.numbers[Kind.WIPE_REDIS] + LONG.numbers[Kind.RESTART_REDIS] >= 3
    assert LONG.numbers[Kind.RESTART_POSTGRES] >= 2
    assert {Fate.LOST, Fate.TWICE} <= BAD
