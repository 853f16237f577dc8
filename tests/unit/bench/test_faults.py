"""Faults that are ordered: how often they come, and what can not be ordered."""

from collections import Counter
from typing import Any

import pytest

from tools.aws.faults import (
    TYPICAL,
    Dice,
    Fate,
    Faults,
    Outage,
    ServiceFaults,
    as_json,
    from_json,
)


def dice(faults: Faults) -> Dice:
    thrown = Dice()
    thrown.set(faults)
    return thrown


def test_faults_come_as_often_as_ordered() -> None:
    shares: dict[str, Any] = {"throttled": 0.1, "failed": 0.2, "unconfirmed": 0.3, "cut": 0.1}
    thrown = dice(Faults(ses=ServiceFaults(**shares)))

    drawn = Counter(thrown.fate("ses", "") for _ in range(10_000))

    for fate, share in (shares | {"answered": 0.3}).items():
        assert drawn[Fate(fate)] == pytest.approx(share * 10_000, rel=0.15)


def test_a_service_draws_the_same_whatever_the_others_do() -> None:
    faults = Faults(ses=ServiceFaults(failed=0.5), s3=ServiceFaults(failed=0.5), seed=3)
    alone, together = dice(faults), dice(faults)

    expected = [alone.fate("ses", "") for _ in range(20)]
    found = [(together.fate("s3", ""), together.fate("ses", ""))[1] for _ in range(20)]

    assert found == expected
    assert len(set(found)) == 2


def test_a_request_takes_its_latency_and_some_jitter() -> None:
    thrown = dice(Faults(s3=ServiceFaults(latency_ms=30, jitter_ms=15)))

    delays = [thrown.delay_seconds("s3") for _ in range(100)]

    assert 0.030 <= min(delays) < 0.033
    assert 0.042 < max(delays) <= 0.045
    assert thrown.delay_seconds("ses") == 0


@pytest.mark.parametrize(
    "faults", [Faults(), TYPICAL, Faults(sqs=ServiceFaults(outage=Outage.CUT))]
)
def test_faults_are_the_same_after_a_journey(faults: Faults) -> None:
    assert from_json(as_json(faults)) == faults


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"ses": {"failed": 0.6, "cut": 0.6}}, "add up to 0 to 1"),
        ({"ses": {"failed": -1}}, "add up to 0 to 1"),
        ({"s3": {"latency_ms": -1}}, "latency_ms"),
        ({"sqs": {"outage": "some"}}, "'some' is not a valid Outage"),
        ({"duplicated": 2}, "duplicated"),
        ({"reordered": 0}, "reordered"),
        ({"sqs": {"lateness": 1}}, "lateness"),
    ],
)
def test_what_can_not_be_ordered(given: dict[str, Any], named: str) -> None:
    with pytest.raises((ValueError, TypeError), match=named):
        from_json(given)
