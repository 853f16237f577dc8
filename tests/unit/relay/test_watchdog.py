"""When the watchdog's timer must go off. (That it does is tested on real processes.)"""

import time
from typing import Any

import dramatiq
import pytest
from dramatiq.brokers.stub import StubBroker

from relay.worker.middleware.watchdog import INTERVAL_SECONDS, Watchdog, seconds_until_overdue

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


@pytest.mark.parametrize(("own_ms", "limit"), [(None, LIMIT), (50_000, 50.0), (200_000, 200.0)])
def test_an_actors_own_limit_is_kept_to(own_ms: int | None, limit: float) -> None:
    """The jobs of each minute have one; with a short limit for mails their worker was ended."""
    broker = StubBroker(middleware=[])
    options: dict[str, Any] = {} if own_ms is None else {"time_limit": own_ms}
    broker.actor_options.add("time_limit")
    actor = dramatiq.actor(actor_name="job", broker=broker, **options)(lambda: None)
    watchdog = Watchdog(LIMIT, GRACE)

    watchdog.before_process_message(broker, actor.message())

    (deadline,) = watchdog._deadlines.values()
    assert deadline - time.monotonic() == pytest.approx(limit, abs=1)
