"""What a mailbox breaker does next: a row for each state, and each boundary of its times."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from emails.rules.mailbox_breaker import (
    Action,
    Close,
    CloseReason,
    ForgetProbe,
    SendProbe,
    StartWaiting,
    Wait,
    next_action,
    time_to_bounce,
    time_to_probe,
)
from emails.values.mailboxes import MailboxBreaker, Probe, ProbeProgress
from tests.unit.emails.builders import NOW

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
WAIT = 10 * MINUTE
OPEN = MailboxBreaker(
    owner_id=1,
    opened_at=NOW - HOUR,
    is_about_current_address=True,
    step=0,
    next_probe_at=NOW + HOUR,
    wait=WAIT,
    probe=None,
    now=NOW,
)


def probe(progress: ProbeProgress, sent: timedelta | None = None) -> Probe:
    """A probe that was sent so long ago."""
    return Probe(progress, None if sent is None else NOW - sent)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Wait()),
        ({"next_probe_at": NOW + SECOND}, Wait()),
        ({"next_probe_at": NOW}, SendProbe()),
        ({"next_probe_at": NOW - HOUR}, SendProbe()),
        ({"probe": probe(ProbeProgress.UNDERWAY), "next_probe_at": NOW - HOUR}, Wait()),
        ({"probe": probe(ProbeProgress.UNDERWAY, 9 * HOUR)}, Wait()),
        ({"probe": probe(ProbeProgress.FAILED)}, ForgetProbe()),
        ({"probe": probe(ProbeProgress.SENT)}, StartWaiting()),
        ({"probe": probe(ProbeProgress.SENT, WAIT - SECOND)}, Wait()),
        ({"probe": probe(ProbeProgress.SENT, WAIT)}, Close(CloseReason.PROBE_ARRIVED)),
        ({"probe": probe(ProbeProgress.SENT, WAIT), "wait": WAIT + SECOND}, Wait()),
        ({"is_about_current_address": False}, Close(CloseReason.ADDRESS_CHANGED)),
        (
            {"is_about_current_address": False, "probe": probe(ProbeProgress.UNDERWAY)},
            Close(CloseReason.ADDRESS_CHANGED),
        ),
    ],
)
def test_what_is_due(changes: dict[str, Any], expected: Action) -> None:
    assert next_action(replace(OPEN, **changes)) == expected


@pytest.mark.parametrize(
    ("step", "hours"), [(0, 1), (1, 4), (2, 24), (3, 72), (4, 168), (5, 168), (99, 168)]
)
def test_each_probe_that_bounces_makes_the_next_one_wait_longer(step: int, hours: int) -> None:
    schedule = [timedelta(hours=number) for number in (1, 4, 24, 72, 168)]

    assert time_to_probe(step, schedule) == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("took", "expected"),
    [
        (None, WAIT),
        (SECOND, WAIT),
        (8 * MINUTE, WAIT),
        (12 * MINUTE, 15 * MINUTE),
        # SES gives up after 14 hours.
        (14 * HOUR, 17.5 * HOUR),
        (99 * HOUR, 24 * HOUR),
    ],
)
def test_where_bounces_take_long_a_probe_is_given_longer(
    took: timedelta | None, expected: timedelta
) -> None:
    assert time_to_bounce(WAIT, took) == expected
