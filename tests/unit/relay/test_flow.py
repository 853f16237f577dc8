"""The way of a mail on the dashboard: rates, ages, what is stuck, and where each number leads."""

from pathlib import Path
from typing import Any

import pytest
from django.urls import resolve

from relay.operations.dashboard import runbook, views
from relay.operations.dashboard.flow import STAGES
from relay.operations.dashboard.presentation import shown
from relay.operations.dashboard.snapshot import Snapshot
from relay.operations.gauges import Gauge
from tests.unit.relay.test_presentation import from_redis, snapshot, without_redis


def numbers(taken: Snapshot, lists: dict[str, str] | None = None) -> dict[str, dict[str, Any]]:
    """Return each number by its stage and its words."""
    return {
        f"{stage['name']}: {one['words']}": one
        for stage in shown(taken, "/runbook/", lists)["flow"]
        for one in stage["numbers"]
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        # Counted for nine and a half minutes.
        ("SQS: arrive a minute", "2.0"),
        ("Bridges: received a minute", "40"),
        ("Workers: settled a minute", "4.0"),
        ("SES: sent a minute", "3.1"),
        ("SQS: wait", "3"),
        ("SQS: dead letters", "0"),
        ("Bridges: in the overflow", "12"),
        ("Redis: in flight", "3"),
        ("Workers: old when settled (p95)", "5 s"),
        ("Workers: held for their owners", "7"),
        ("SES: mailboxes that bounce", "3"),
    ],
)
def test_each_stage_has_its_rate_its_age_and_what_is_stuck(name: str, value: str) -> None:
    redis = from_redis(arrived=19, received=380, forwarded=19, replied=10, dropped=9)
    redis.counts[-1]["age:5"] = 20
    redis.gauges.append(Gauge("overflow_messages", 12))

    assert numbers(snapshot(redis))[name]["value"] == value


def test_what_wants_a_look_has_a_sign_and_what_is_well_has_none() -> None:
    found = numbers(snapshot(from_redis(dead_letters=2)))

    assert (found["Redis: dead letters"]["level"], found["Redis: dead letters"]["sign"]) == (
        *("look", "▲"),
    )
    assert found["SQS: dead letters"]["sign"] == ""


def test_without_redis_only_what_it_knows_is_unknown() -> None:
    found = numbers(without_redis())

    assert found["SQS: wait"]["value"] == "3"
    assert found["Redis: in flight"]["value"] == "?"
    assert found["SES: sent a minute"]["value"] == "?"


def test_each_number_leads_to_a_page_or_a_section_that_is_there() -> None:
    found = numbers(snapshot(), views._lists())

    links = {one["link"] for one in found.values()}
    assert "" not in links
    assert {number.link for stage in STAGES for number in stage.numbers} == set(views._lists())
    dashboard = (Path(runbook.__file__).parent / "templates/dashboard/dashboard.html").read_text()
    for link in links:
        page, _, section = link.partition("#")
        if page:
            resolve(page)
        text = runbook.rendered(runbook.PAGES / "runbook.md") if page else dashboard
        assert not section or f'id="{section}"' in text
