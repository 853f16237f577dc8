"""The judge itself: a harness that calls everything well proves nothing."""

import pytest

from tests.chaos.accounting import BAD, Delivery, Sending, Verdict, judge
from tests.chaos.schedule import LONG, SHORT, Kind, drawn

FINISHED, IN_DOUBT = Delivery("finished", "forwarded"), Delivery("in_doubt")
ONCE = [Sending(100.0, "workers-1.1")]
TWICE = [*ONCE, Sending(140.0, "workers-2.1")]
KILLED = {"workers-1.1": [50.0, 100.2]}


@pytest.mark.parametrize(
    ("sendings", "delivery", "killed_at", "failure", "is_in_sqs", "verdict"),
    [
        (ONCE, FINISHED, {}, None, False, Verdict.FORWARDED),
        (ONCE, Delivery("claimed"), {}, None, True, Verdict.UNSETTLED),
        (ONCE, None, {}, None, False, Verdict.UNSETTLED),
        (ONCE, IN_DOUBT, {}, "send_in_doubt", True, Verdict.IN_DOUBT_SENT),
        ([], IN_DOUBT, {}, "send_in_doubt", True, Verdict.IN_DOUBT_NOT_SENT),
        ([], None, {}, "mail_missing", True, Verdict.DEAD_LETTERED),
        ([], None, {}, "mail_missing", False, Verdict.LOST),
        ([], None, {}, None, True, Verdict.LOST),
        ([], FINISHED, {}, None, False, Verdict.LOST),
        (TWICE, FINISHED, KILLED, None, False, Verdict.TWICE_EXPLAINED),
        (TWICE, FINISHED, {}, None, False, Verdict.TWICE),
        (TWICE, FINISHED, {"workers-1.1": [98.5]}, None, False, Verdict.TWICE),
        (TWICE, FINISHED, {"workers-1.1": [110.0]}, None, False, Verdict.TWICE),
        (TWICE, FINISHED, {"workers-2.1": [140.1]}, None, False, Verdict.TWICE),
        ([*TWICE, Sending(150, "workers-3.1")], FINISHED, KILLED, None, False, Verdict.TWICE),
    ],
)
def test_what_became_of_a_message(
    sendings: list[Sending],
    delivery: Delivery | None,
    killed_at: dict[str, list[float]],
    failure: str | None,
    is_in_sqs: bool,
    verdict: Verdict,
) -> None:
    judged = judge(
        "1", sendings, delivery, killed_at=killed_at, failure=failure, is_in_sqs=is_in_sqs
    )
    assert judged.verdict is verdict


def test_the_same_seed_breaks_the_same_things() -> None:
    assert drawn(LONG, 7) == drawn(LONG, 7) != drawn(LONG, 8)
    assert len(drawn(SHORT, 1)) == sum(SHORT.numbers.values())


def test_the_long_run_is_as_hard_as_promised() -> None:
    assert LONG.messages >= 5_000
    assert LONG.kills >= 30
    assert LONG.numbers[Kind.WIPE_REDIS] + LONG.numbers[Kind.RESTART_REDIS] >= 3
    assert LONG.numbers[Kind.RESTART_POSTGRES] >= 2
    assert {Verdict.LOST, Verdict.TWICE} <= BAD
