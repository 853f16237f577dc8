"""The demo can fail, and can be interrupted. That it succeeds is shown by running it, in CI."""

import json
import signal
from pathlib import Path

import pytest

from tests.integration.tools.conftest import StartProgram
from tests.waiting import wait_until
from tools.local.cases import CASES, Case
from tools.local.logs import Logs
from tools.local.results import DEAD_LETTER, Result

FORWARDED = Case("a", outcomes=("forwarded/existing_mask",))
TWO = Case("two", outcomes=("forwarded/existing_mask",) * 2)
BLOCKED = Case("b", outcomes=("blocked/blocks_all",))
REJECTED = Case("c", rejected="not_json")


@pytest.mark.parametrize(
    ("case", "outcomes", "places", "is_expected"),
    [
        (FORWARDED, ("forwarded/existing_mask",), ("a.eml",), True),
        (FORWARDED, (), (), False),
        (FORWARDED, ("blocked/blocks_all",), (), False),
        (FORWARDED, ("forwarded/existing_mask",), (), False),
        (FORWARDED, ("forwarded/existing_mask",), ("a.eml", "b.eml"), False),
        (FORWARDED, ("forwarded/existing_mask",) * 2, ("a.eml",), False),
        (FORWARDED, ("forwarded/existing_mask",), (DEAD_LETTER,), False),
        (TWO, ("forwarded/existing_mask",) * 2, ("a.eml", "b.eml"), True),
        (TWO, ("forwarded/existing_mask",), ("a.eml",), False),
        (BLOCKED, ("blocked/blocks_all",), (), True),
        (BLOCKED, ("blocked/blocks_all",), ("b.eml",), False),
        (REJECTED, ("rejected/not_json",), (DEAD_LETTER,), True),
        (REJECTED, ("rejected/not_json",), (), False),
        (REJECTED, ("rejected/bad_signature",), (DEAD_LETTER,), False),
    ],
)
def test_a_mail_that_ended_otherwise_is_told_apart(
    case: Case, outcomes: tuple[str, ...], places: tuple[str, ...], is_expected: bool
) -> None:
    assert Result(case, outcomes, places).is_expected is is_expected


def test_the_outcomes_are_read_from_the_logs(tmp_path: Path) -> None:
    bridge, workers = tmp_path / "bridge.log", tmp_path / "workers.log"
    rejection = {"message": "message rejected", "sqs_message_id": "1", "reason": "not_json"}
    settled = {"message": "settled", "outcome": "blocked", "reason": "blocks_all"}
    bridge.write_text(f"{json.dumps(rejection)}\n{json.dumps(rejection)}\nno JSON\n[1]\n")
    workers.write_text(
        json.dumps(settled | {"sns_message_id": BLOCKED.sns_message_id})
        + "\n"
        + json.dumps(settled | {"sns_message_id": "another"})
    )
    logs = Logs(bridge, workers, {"1": REJECTED, "2": BLOCKED})

    assert logs.outcomes(REJECTED) == ("rejected/not_json",)
    assert logs.outcomes(BLOCKED) == ("blocked/blocks_all",)
    assert logs.outcomes(FORWARDED) == ()


def test_each_case_can_be_told_from_the_others() -> None:
    """By its name in the logs, and where it is forwarded by its masks."""
    names = [case.sns_message_id for case in CASES]
    masks = [mask for case in CASES if not case.rejected for mask in case.masks]

    assert len(set(names)) == len(names)
    assert len(set(masks)) == len(masks)


def test_an_interrupted_demo_leaves_nothing_behind(start: StartProgram) -> None:
    demo = start("-m", "tools.local.demo")
    demo.wait_until_it_prints("creating the database")

    # The second, of somebody impatient, must not cut the stopping short.
    for _ in range(2):
        demo.process.send_signal(signal.SIGINT)

    assert demo.process.wait(30) == 130, demo.output
    assert "interrupted" in demo.output
    assert demo.has_left() == []
    assert list(demo.folder.glob("relay-demo-*")) == []


def test_a_demo_that_is_interrupted_at_its_start_leaves_nothing_behind(start: StartProgram) -> None:
    demo = start("-m", "tools.local.demo")
    demo.wait_until_it_prints("starting Redis")

    demo.process.send_signal(signal.SIGTERM)

    assert demo.process.wait(30) == 143, demo.output
    assert demo.has_left() == []
    wait_until("the folder is gone", lambda: not list(demo.folder.glob("relay-demo-*")))
