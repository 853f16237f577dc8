"""Every page and command of operators while servers are away: it works, or names them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import redis
from django.conf import settings
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client
from django.urls import URLPattern, reverse

from emails.models import Profile
from relay.operations.controls.urls import urlpatterns as of_controls
from relay.operations.dashboard.urls import urlpatterns as of_dashboard
from relay.operations.dead_letters import handling
from relay.operations.dead_letters.urls import urlpatterns as of_dead_letters
from relay.operations.fail_fast import fail_fast_redis
from relay.operations.judgement import database, read
from relay.operations.lanes.urls import urlpatterns as of_lanes
from relay.operations.retries.urls import urlpatterns as of_retries
from relay.operations.running.urls import urlpatterns as of_running
from relay.operations.sqs_dead_letters.urls import urlpatterns as of_sqs
from relay.operations.trace.urls import urlpatterns as of_trace
from tests.dead_letters import burying_in
from tests.environment import NOWHERE

OF_OPERATIONS: list[URLPattern] = (
    of_controls
    + of_dashboard
    + of_dead_letters
    + of_lanes
    + of_retries
    + of_running
    + of_sqs
    + of_trace
)

WORKS, REDIS, DATABASE, BOTH, SQS = "works", "Redis", "the database", "both", "SQS"

# page, what is posted (None: a GET), and what it does while Redis, the database, or both are away
PAGES: list[tuple[str, dict[str, str] | None, str, str, str]] = [
    ("/admin/dashboard/", None, WORKS, WORKS, WORKS),
    ("/admin/dashboard/live.json", None, WORKS, WORKS, WORKS),
    ("/admin/dashboard/charts.json", None, REDIS, WORKS, REDIS),
    ("/admin/runbook/", None, WORKS, WORKS, WORKS),
    ("/admin/runbook/outcomes.md", None, WORKS, WORKS, WORKS),
    ("/admin/dead-letters/", None, REDIS, WORKS, REDIS),
    ("/admin/dead-letters/dead-1/", None, REDIS, WORKS, REDIS),
    ("/admin/dead-letters/filter/", {"queue": "inbound"}, WORKS, DATABASE, BOTH),
    ("/admin/dead-letters/act/", {"action": "requeue-all"}, REDIS, DATABASE, BOTH),
    ("/admin/dead-letters/dead-1/reveal/", {}, REDIS, DATABASE, BOTH),
    ("/admin/controls/", None, REDIS, WORKS, REDIS),
    (
        "/admin/controls/order/",
        {"action": "pause-sending", "lasts": "1h", "why": "a test"},
        *(REDIS, DATABASE, BOTH),
    ),
    ("/admin/controls/end/", {"id": "x"}, REDIS, DATABASE, BOTH),
    ("/admin/retries/", None, REDIS, WORKS, REDIS),
    ("/admin/retries/now/", {"id": "sqs-1"}, REDIS, DATABASE, BOTH),
    ("/admin/running/", None, REDIS, WORKS, REDIS),
    ("/admin/lanes/", None, REDIS, DATABASE, BOTH),
    ("/admin/lanes/release/", {"lane": "0" * 18, "hours": "1"}, REDIS, DATABASE, BOTH),
    # Without a queue that can be looked into, which the tests of its page have.
    ("/admin/sqs-dead-letters/", None, SQS, DATABASE, BOTH),
    ("/admin/sqs-dead-letters/dead-1/", None, SQS, DATABASE, BOTH),
    ("/admin/sqs-dead-letters/act/", {"action": "clear", "confirmed": "1"}, SQS, DATABASE, BOTH),
    ("/admin/trace/", None, WORKS, WORKS, WORKS),
    ("/admin/trace/find/", {"id": "sqs-1"}, WORKS, DATABASE, BOTH),
    ("/admin/", None, WORKS, DATABASE, BOTH),
    ("/admin/login/", None, WORKS, DATABASE, BOTH),
    *(
        (f"/admin/{model._meta.app_label}/{model._meta.model_name}/", None, WORKS, DATABASE, BOTH)
        for model in admin.site._registry
    ),
]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def operator(wiped_redis: redis.Redis) -> Iterator[Client]:
    """Somebody who may do all, and was admitted before anything broke."""
    handling.store.cache_clear()
    read.forget()
    database.forget()
    burying_in(wiped_redis)(dead_letter_id="dead-1")
    client = Client(headers={"x-forwarded-proto": "https"})
    client.force_login(get_user_model().objects.create_superuser("operator"))
    assert client.get("/admin/dead-letters/").status_code == 200
    yield client
    handling.store.cache_clear()


def take_database_away(monkeypatch: pytest.MonkeyPatch) -> None:
    connections["default"].close()
    host, port = NOWHERE.split(":")
    monkeypatch.setitem(connections["default"].settings_dict, "HOST", host)
    monkeypatch.setitem(connections["default"].settings_dict, "PORT", port)
    monkeypatch.setattr(
        settings, "CONFIG", replace(settings.CONFIG, database_url=f"postgresql://{NOWHERE}/x")
    )


def take_redis_away(monkeypatch: pytest.MonkeyPatch) -> None:
    config = replace(settings.CONFIG, redis_url=f"redis://{NOWHERE}/0")
    monkeypatch.setattr(settings, "CONFIG", config)
    fail_fast_redis.cache_clear()
    handling.store.cache_clear()


def check(operator: Client, path: str, posted: dict[str, str] | None, expected: str) -> None:
    answer: Any = operator.get(path) if posted is None else operator.post(path, posted)
    text = answer.content.decode()
    names = {
        REDIS: f"Redis ({NOWHERE})" in text and "Connection refused" in text,
        DATABASE: f"PostgreSQL ({NOWHERE})" in text,
    }
    if expected == SQS:
        assert (answer.status_code, "SQS" in text) == (503, True)
        return
    if expected == WORKS:
        assert answer.status_code in (200, 302), text
        return
    assert answer.status_code == 503
    named = {server for server, is_named in names.items() if is_named}
    assert named == ({REDIS, DATABASE} if expected == BOTH else {expected})


AWAY = {
    REDIS: (take_redis_away,),
    DATABASE: (take_database_away,),
    BOTH: (take_database_away, take_redis_away),
}

CASES = [
    pytest.param(away, path, posted, does, id=f"{path} without {away}")
    for path, posted, *each in PAGES
    for away, does in zip(AWAY, each, strict=True)
]


@pytest.mark.parametrize(("away", "path", "posted", "does"), CASES)
def test_a_page_works_without_them_or_names_them(
    operator: Client,
    monkeypatch: pytest.MonkeyPatch,
    away: str,
    path: str,
    posted: dict[str, str] | None,
    does: str,
) -> None:
    for take_away in AWAY[away]:
        take_away(monkeypatch)

    check(operator, path, posted, does)


COMMANDS = [
    "dead_letters list",
    "retries",
    "retries --now sqs-1",
    "running",
    "lanes",
    "control list",
    "control pause sending --for 1h --why test",
    "check_health worker",
    "forget_owner {owner} --yes",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_names_a_redis_that_is_away(
    operator: Client, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    owner = Profile.objects.get_or_create(user=get_user_model().objects.get())[0].pk
    take_redis_away(monkeypatch)

    with pytest.raises(CommandError) as refused:
        call_command(*command.format(owner=owner).split())

    assert str(refused.value) == f"Redis ({NOWHERE}) can't be asked: Connection refused."


def test_no_page_is_forgotten_here() -> None:
    arguments = {"dead_letter_id": "dead-1"}
    named = {one.name: one for one in OF_OPERATIONS if one.name}

    urls = {
        reverse(
            name,
            kwargs=arguments
            if "dead_letter_id" in one.pattern.converters
            else ({"message_id": "dead-1"} if one.pattern.converters else {}),
        )
        for name, one in named.items()
    }

    assert urls - {path for path, *_ in PAGES} == set()
