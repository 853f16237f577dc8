"""When the watchdog's timer must go off. (That it does is tested on real processes.)"""

import pytest

from bridge.middleware.watchdog import INTERVAL_SECONDS, seconds_until_overdue

LIMIT, GRACE = 100.0, 4.0


@pytest.mark.parametrize(
    ("deadlines", "now", "expected"),
    [
        ([], 0.0, LIMIT + INTERVAL_SECONDS + GRACE),  # one may start at once and hold the GIL
        ([100.0], 0.0, 104.0),
        ([100.0, 60.0], 50.0, 14.0),  # the first one counts
        ([100.0], 103.0, 1.0),  # overdue, but TimeLimit may still get through
        ([100.0], 200.0, 0.001),  # long overdue: at once, and not an error for faulthandler
    ],
)
def test_the_timer_is_set_to_the_first_deadline_and_the_grace(
    deadlines: list[float], now: float, expected: float
) -> None:
    assert seconds_until_overdue(deadlines, now, LIMIT, GRACE) == pytest.approx(expected)
