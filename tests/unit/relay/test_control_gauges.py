"""The gauges of controls: how many are in force, since when, and when the next ends."""

from dataclasses import replace

import pytest

from relay.operations.gauges import control_gauges
from runtime.controls.values import Action, Control

NOW_MS = 10_000_000
PAUSE = Control("1", Action.PAUSE_SENDING, "", "ann", "why", NOW_MS - 60_000, NOW_MS + 90_000)
LONGER = replace(PAUSE, id="2", since_ms=NOW_MS - 30_000, until_ms=NOW_MS + 600_000)
FREEZE = replace(PAUSE, id="3", action=Action.FREEZE_OWNER, target="7")
OTHER = replace(LONGER, id="4", action=Action.FREEZE_OWNER, target="8")
ENDED = replace(PAUSE, id="5", ended_ms=NOW_MS - 1)
OVER = replace(PAUSE, id="6", until_ms=NOW_MS)


@pytest.mark.parametrize(
    ("controls", "action", "number", "oldest", "end_in"),
    [
        ([], "pause-sending", 0, None, None),
        ([ENDED, OVER], "pause-sending", 0, None, None),
        ([PAUSE, ENDED], "pause-sending", 1, 60, 90),
        ([FREEZE], "pause-sending", 0, None, None),
        # Mail goes on when the last pause ends; of freezes, each is of something else.
        ([LONGER, PAUSE], "pause-sending", 2, 60, 600),
        ([OTHER, FREEZE], "freeze-owner", 2, 60, 90),
    ],
)
def test_each_kind_has_its_number_its_age_and_its_end(
    controls: list[Control], action: str, number: int, oldest: float | None, end_in: float | None
) -> None:
    gauges = {one.label: one.value for one in control_gauges(controls, NOW_MS)}

    assert gauges[f"controls_active:{action}"] == number
    assert gauges.get(f"controls_oldest_s:{action}") == oldest
    assert gauges.get(f"controls_end_in_s:{action}") == end_in
    assert sum(label.startswith("controls_active:") for label in gauges) == len(Action)
