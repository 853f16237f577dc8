"""What the workers run, as operators list it: since when and where, no mail, nothing else."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import redis
from django.core.management import call_command
from django.test import Client

from bridge.ledger import keys
from bridge.ledger.attempts import DeliveryAttempts
from bridge.ledger.running import find_last
from bridge.ledger.story import Event, Story
from relay.operations.running import pages
from tests.integration.operations.conftest import a_member_of_staff
from tests.unit.operations.builders import SECRETS, stored

pytestmark = pytest.mark.django_db

PAGE = "/admin/running/"
WORKER = "worker:host-1:4711:0a1b2c3d"

Fetch = Callable[..., None]


@pytest.fixture
def fetch(wiped_redis: redis.Redis) -> Fetch:
    """Return a function that stores a message as a worker has fetched it, and begins it."""
    attempts = DeliveryAttempts(wiped_redis, Story(100))

    def add(message_id: str, queue: str = "inbound", *, begun: int = 1, **options: Any) -> None:
        message = stored(f"entry-{message_id}", message_id, **options)
        wiped_redis.hset(keys.messages_of(keys.queue(queue)), f"entry-{message_id}", message)
        for _ in range(begun):
            attempts.record(message_id, WORKER)

    return add


def listed() -> tuple[list[dict[str, Any]], str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("running", "--json", stdout=out, stderr=err)
    assert not any(secret in out.getvalue() for secret in SECRETS)
    return [json.loads(line) for line in out.getvalue().splitlines()], err.getvalue()


def test_a_message_that_has_begun_is_listed_with_its_attempt_its_age_and_its_worker(
    fetch: Fetch,
) -> None:
    fetch("first")
    fetch("third", "bulk", retries=1, put_backs=1)

    found, said = listed()

    assert said == ""
    # What began first, and so has run longest, comes first.
    assert [(one["id"], one["queue"], one["attempt"]) for one in found] == [
        ("first", "inbound", 1),
        ("third", "bulk", 3),
    ]
    assert {one["worker"] for one in found} == {WORKER}
    assert all(one["since"] is not None and 0 <= one["seconds"] < 60 for one in found)


def test_what_waits_failed_or_has_ended_does_not_run(
    wiped_redis: redis.Redis, fetch: Fetch
) -> None:
    fetch("waits-for-a-thread", begun=0)
    fetch("waits-for-its-time", "inbound.DQ")
    fetch("nobody-has-fetched-it", begun=0)
    wiped_redis.rpush(keys.queue("inbound"), "entry-nobody-has-fetched-it")
    fetch("failed")
    DeliveryAttempts(wiped_redis, Story(100)).forget("failed", "database_busy")
    fetch("its-worker-died")
    Story(100).tell(wiped_redis, [Event(0, "worker_died", "its-worker-died", detail=WORKER)])

    assert listed() == ([], "3 more are fetched and wait for a thread.\n")


def test_of_a_periodic_job_it_says_only_that_a_worker_has_it(wiped_redis: redis.Redis) -> None:
    job = {"actor_name": "take_gauges", "message_id": "job-1", "options": {}}
    wiped_redis.hset(keys.messages_of(keys.queue("default")), "entry-1", json.dumps(job))

    (found,) = listed()[0]

    assert found["actor"] == "take_gauges"
    assert (found["id"], found["attempt"], found["since"], found["worker"]) == (
        "job-1",
        1,
        None,
        "",
    )


def test_without_a_story_what_has_begun_is_listed_and_what_is_not_known_is_said(
    wiped_redis: redis.Redis, fetch: Fetch, settings: Any
) -> None:
    settings.CONFIG = replace(settings.CONFIG, trace_events=0)
    fetch("runs")
    fetch("waits-for-a-thread", begun=0)
    wiped_redis.delete(keys.STORY)

    found, said = listed()

    assert [(one["id"], one["since"]) for one in found] == [("runs", None)]
    assert "TRACE_EVENTS is 0" in said


@pytest.mark.parametrize(
    ("told", "last"),
    [
        ("begun", "begun"),
        ("begun attempt_failed begun", "begun"),
        ("begun worker_died", "worker_died"),
        ("begun ended enqueued", "ended"),
        ("received enqueued", None),
    ],
)
def test_of_a_story_the_last_word_about_an_attempt_counts(told: str, last: str | None) -> None:
    words = told.split()
    lines = [f"{n + 1}-0\te\t{what}\tq\tsqs-1\ta\t\td\t" for n, what in enumerate(words)]

    found = find_last(lines, {"sqs-1"})

    assert found.get("sqs-1", Event(0, "")).what == (last or "")
    assert find_last(lines, {"sqs-2"}) == {}


def test_what_somebody_else_wrote_is_not_repeated(wiped_redis: redis.Redis, client: Client) -> None:
    message = {"actor_name": "<script>", "message_id": "ann@home.example", "options": {}}
    queue = keys.messages_of(keys.queue("inbound"))
    wiped_redis.hset(queue, "x", json.dumps(message))
    wiped_redis.hset(queue, "y", b"[")
    client.force_login(a_member_of_staff("view_delivery"))

    shown = json.dumps(listed()[0]) + client.get(PAGE).text.partition("<tbody>")[2]

    assert "ann@home" not in shown
    assert "<script>" not in shown


def test_the_page_links_each_to_its_story_and_says_how_many_it_shows(
    fetch: Fetch, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "SHOWN", 2)
    for n in range(3):
        fetch(f"sqs-{n}")
    client.force_login(a_member_of_staff("view_delivery"))

    page = client.get(PAGE).text

    assert '<a href="/admin/trace/?id=sqs-0">sqs-0</a>' in page
    assert "host-1, process 4711" in page
    assert "2 of 3 are shown" in page
    assert "sqs-2" not in page


def test_the_page_asks_for_permission(wiped_redis: redis.Redis, client: Client) -> None:
    client.force_login(a_member_of_staff())
    assert client.get(PAGE).status_code == 403
