"""What is being retried, as operators list it: all kinds, no mail, and never cut in silence."""

import io
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import redis
from django.core.management import call_command
from django.test import Client

from bridge.ledger import keys
from bridge.ledger.attempts import DeliveryAttempts
from bridge.ledger.retries import find_left
from bridge.ledger.story import Event, Story
from relay.operations.retries import handling
from tests.integration.operations.conftest import a_member_of_staff
from tests.unit.operations.builders import SECRETS, stored

pytestmark = pytest.mark.django_db

PAGE = "/admin/retries/"
ETA_MS = 1_900_000_000_000

Enqueue = Callable[..., None]


@pytest.fixture
def enqueue(wiped_redis: redis.Redis) -> Enqueue:
    """Return a function that stores a message as Dramatiq does, in a queue or fetched from it."""

    def add(
        message_id: str, queue: str = "inbound", *, is_fetched: bool = False, **options: Any
    ) -> None:
        message = stored(f"entry-{message_id}", message_id, **options)
        wiped_redis.hset(keys.messages_of(keys.queue(queue)), f"entry-{message_id}", message)
        if not is_fetched:
            wiped_redis.rpush(keys.queue(queue), f"entry-{message_id}")

    return add


def failed(times: int, reason: str, seconds_ago: float = 60) -> dict[str, Any]:
    since_ms = int((time.time() - seconds_ago) * 1000)
    return {"put_backs": times, "last_failure": reason, "failing_since_ms": since_ms}


def listed(*arguments: str) -> tuple[list[dict[str, Any]], str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("retries", "--json", *arguments, stdout=out, stderr=err)
    assert not any(secret in out.getvalue() for secret in SECRETS)
    return [json.loads(line) for line in out.getvalue().splitlines()], err.getvalue()


def test_each_kind_is_listed_with_attempts_reason_and_what_it_waits_for(
    wiped_redis: redis.Redis, enqueue: Enqueue
) -> None:
    enqueue("waits", "inbound.DQ", eta=ETA_MS, **failed(3, "sender_unavailable:Throttling", 900))
    enqueue("is-due", "bulk", retries=1, **failed(1, "unexpected_error:KeyError", 600))
    enqueue("killed-its-worker")
    enqueue("runs-again", is_fetched=True)
    enqueue("runs-first", is_fetched=True)
    enqueue("new")
    attempts = DeliveryAttempts(wiped_redis)
    for message_id in ("killed-its-worker", "runs-again", "runs-again", "runs-first"):
        attempts.record(message_id)
    story = Story(100)
    story.tell(
        wiped_redis,
        [
            Event(0, "parked", "parked", detail="certificate_unavailable"),
            Event(0, "deferred", "deferred", detail="certificate_unavailable"),
            Event(0, "parked", "went-on", detail="certificate_unavailable"),
            Event(0, "enqueued", "went-on"),
        ],
    )

    found, said = listed()

    assert said == ""
    rows = [(one["id"], one["attempts"], one["reason"], one["waits_for"]) for one in found]
    assert rows[:2] == [
        ("waits", 3, "sender_unavailable:Throttling", "its time"),
        ("is-due", 2, "unexpected_error:KeyError", "a worker, or runs"),
    ]
    assert sorted(rows[2:]) == [
        ("deferred", 0, "certificate_unavailable", "SQS to deliver it again"),
        ("killed-its-worker", 1, "worker_died", "a worker, or runs"),
        ("parked", 0, "certificate_unavailable", "its bridge"),
        ("runs-again", 1, "worker_died", "a worker, or runs"),
    ]
    assert found[0]["next_at"] == "2030-03-17T17:46:40+00:00"
    assert (found[0]["actor"], found[0]["queue"]) == ("process_notification", "inbound")
    assert found[1]["since"] is not None


def test_a_reason_selects(enqueue: Enqueue) -> None:
    enqueue("one", "inbound.DQ", **failed(1, "sender_unavailable"))
    enqueue("two", "inbound.DQ", **failed(1, "database_busy:55P03"))

    assert [one["id"] for one in listed("--reason", "database_busy")[0]] == ["two"]


def test_what_a_limit_cuts_is_said(enqueue: Enqueue, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(5):
        enqueue(f"sqs-{n}", "inbound.DQ", **failed(1, "database_busy", 100 - n))

    found, said = listed("--limit", "2")
    assert [one["id"] for one in found] == ["sqs-0", "sqs-1"]
    assert said == "2 of 5 shown: --limit N shows more.\n"

    monkeypatch.setattr(handling, "MOST_READ", 3)
    found, said = listed()
    assert (len(found), said) == (3, "Only 3 of 5 messages in Redis were read.\n")


def test_without_a_story_it_says_what_it_cannot_know(
    wiped_redis: redis.Redis, settings: Any
) -> None:
    settings.CONFIG = replace(settings.CONFIG, trace_events=0)

    assert listed() == ([], "What bridges have set aside is not known: TRACE_EVENTS is 0.\n")


@pytest.mark.parametrize(
    ("events", "minutes_later", "left"),
    [
        ("parked", 600, ["parked 1"]),
        ("deferred", 14, ["deferred 1"]),
        ("deferred", 16, []),
        ("refused deferred", 1, ["deferred 1"]),
        ("parked enqueued", 1, []),
        ("deferred rejected", 1, []),
        ("deferred enqueued refused", 1, ["refused 3"]),
    ],
)
def test_what_a_bridge_set_aside_is_listed_until_something_becomes_of_it(
    events: str, minutes_later: int, left: list[str]
) -> None:
    lines = [f"{n + 1}-0\te\t{what}\tq\tsqs-1\ta\t\td\t" for n, what in enumerate(events.split())]

    found = find_left(lines, minutes_later * 60_000)

    assert [f"{event.what} {event.at_ms}" for event in found] == left


@pytest.mark.parametrize(
    "options",
    [
        {"put_backs": "many"},
        {"retries": -1},
        {"put_backs": 1, "last_failure": "ann@home.example"},
        {"put_backs": 1, "failing_since_ms": 10**30, "eta": [1]},
        {"put_backs": 1, "sqs_message_id": "<script>"},
    ],
    ids=str,
)
def test_what_somebody_else_wrote_is_not_repeated(
    wiped_redis: redis.Redis, options: dict[str, Any], client: Client
) -> None:
    message = stored(**options)
    wiped_redis.hset(keys.messages_of(keys.queue("inbound.DQ")), "x", message)
    wiped_redis.hset(keys.messages_of(keys.queue("inbound.DQ")), "y", b"[")
    client.force_login(a_member_of_staff("view_delivery"))

    shown = json.dumps(listed()[0]) + client.get(PAGE).text.partition("<tbody>")[2]

    assert "ann@home" not in shown
    assert "<script>" not in shown


def test_the_page_lists_them_by_reason_and_says_how_many_it_shows(
    enqueue: Enqueue, client: Client
) -> None:
    for n in range(101):
        enqueue(f"sqs-{n:03}", "inbound.DQ", eta=ETA_MS, **failed(1, "database_busy", 500 - n))
    enqueue("last", "inbound.DQ", **failed(1, "memory_full", 1))
    client.force_login(a_member_of_staff("view_delivery"))

    page = client.get(PAGE).text
    assert "100 of 102 are shown" in page
    assert '<a href="/admin/trace/?id=sqs-000">sqs-000</a>' in page
    assert 'href="/admin/retries/?reason=memory_full">memory_full: <b>1</b>' in page
    assert "2030-03-17 17:46:40" in page

    page = client.get(PAGE, {"reason": "memory_full"}).text
    assert ("last" in page, "sqs-000" in page) == (True, False)
    page = client.get(PAGE, {"reason": "ann@home.example"}).text
    assert "Nothing is being retried for this reason." in page
    assert "ann@home.example" not in page


def test_the_page_asks_for_permission(wiped_redis: redis.Redis, client: Client) -> None:
    client.force_login(a_member_of_staff())
    assert client.get(PAGE).status_code == 403
