"""A worker judges its claim by the time that has passed, and says when its clock is wrong.

Lesson 56: claims went by the workers' clocks, and three minutes' difference sent mails twice.
"""

import logging
from datetime import datetime, timedelta

import pytest

from emails.edges import clock
from emails.edges.clock import DatabaseClockWatch
from emails.values.deliveries import Claim, Instant
from tests.unit.emails.builders import NOW, instant


def after(wall: float, uptime: float) -> Instant:
    """The moment when the two clocks say that so many seconds have passed since NOW."""
    return Instant(NOW + timedelta(seconds=wall), instant().uptime_seconds + uptime)


@pytest.mark.parametrize(
    ("wall", "uptime", "passed"),
    [
        (5, 5, 5),
        (200, 5, 200),  # a hypervisor held the machine, then its clock was set right
        (5, 200, 200),  # somebody set the clock back
        (-10_000, 5, 5),
    ],
)
def test_the_clock_that_says_more_is_believed(wall: float, uptime: float, passed: float) -> None:
    assert after(wall, uptime).since(instant()) == timedelta(seconds=passed)


@pytest.mark.parametrize(("passed", "is_expired"), [(0, False), (59.9, False), (60, True)])
@pytest.mark.parametrize("database", [NOW, NOW + timedelta(hours=3), NOW - timedelta(hours=3)])
def test_a_claim_expires_when_its_lifetime_has_passed_whatever_the_database_calls_that_time(
    passed: float, is_expired: bool, database: datetime
) -> None:
    lifetime = timedelta(seconds=60)
    claimed = Claim(1, "1-0", until=database + lifetime, started=instant(), lifetime=lifetime)

    assert claimed.has_expired(after(passed, passed)) == is_expired


def test_both_clocks_go_forward() -> None:
    first, second = clock.read(), clock.read()

    assert timedelta(0) <= second.since(first) < timedelta(minutes=1)


def logged(caplog: pytest.LogCaptureFixture, *skews: float) -> list[tuple[str, float]]:
    """Compare while this machine is so many seconds ahead; returns level and seconds as logged."""
    caplog.set_level(logging.INFO)
    watch = DatabaseClockWatch()
    for skew in skews:
        watch.compare(NOW - timedelta(seconds=skew), instant(), instant())
    return [(one.levelname, one.ahead_s) for one in caplog.records]  # type: ignore[attr-defined]


@pytest.mark.parametrize("skew", [180.0, -180.0, 10_800.0, -10_800.0, 10.1])
def test_a_wrong_clock_is_logged_once(caplog: pytest.LogCaptureFixture, skew: float) -> None:
    assert logged(caplog, skew, skew, skew + 3) == [("WARNING", skew)]


@pytest.mark.parametrize("skew", [0.0, 9.0, -9.0, 10.0])
def test_a_small_difference_is_not_logged(caplog: pytest.LogCaptureFixture, skew: float) -> None:
    assert logged(caplog, skew, 0.0) == []


def test_a_difference_that_changes_is_logged_again(caplog: pytest.LogCaptureFixture) -> None:
    assert logged(caplog, 180, 200, -30, 0, 0) == [
        ("WARNING", 180),
        ("WARNING", 200),
        ("WARNING", -30),
        ("INFO", 0),
    ]


def test_a_slow_statement_is_no_wrong_clock(caplog: pytest.LogCaptureFixture) -> None:
    """The database reads its clock some time between our question and its answer."""
    DatabaseClockWatch().compare(NOW + timedelta(seconds=1), instant(), after(60, 60))
    DatabaseClockWatch().compare(NOW + timedelta(seconds=59), instant(), after(60, 60))

    assert caplog.records == []
