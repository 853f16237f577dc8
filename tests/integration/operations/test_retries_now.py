"""What waits for its next attempt runs at once, if an operator wishes so: by command and page."""

import io
import json
import logging
import time

import pytest
import redis
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.test import Client

from bridge.ledger import keys
from runtime.breakers import Breakers
from runtime.dependencies import Dependency
from tests.integration.operations.conftest import a_member_of_staff
from tests.integration.operations.test_retries import ETA_MS, PAGE, Enqueue, enqueue, failed

__all__ = ["enqueue"]  # a fixture

pytestmark = pytest.mark.django_db

QUEUE = keys.queue("inbound")


def now(*ids: str) -> str:
    out = io.StringIO()
    call_command("retries", "--now", *ids, stdout=out)
    return out.getvalue()


def runs_now(client: redis.Redis) -> list[str]:
    """The SQS ids of what is enqueued."""
    entries = client.lrange(QUEUE, 0, -1)
    stored = [json.loads(client.hget(keys.messages_of(QUEUE), one) or "") for one in entries]
    assert all(one["queue_name"] == "inbound" for one in stored)
    assert all("eta" not in one["options"] for one in stored)
    return [one["message_id"] for one in stored]


def test_those_that_are_named_run_now_and_no_others(
    wiped_redis: redis.Redis, enqueue: Enqueue
) -> None:
    for n in range(3):
        enqueue(f"sqs-{n}", "inbound.DQ", eta=ETA_MS, **failed(1, "database_busy"))

    assert now("sqs-0", "sqs-2") == "sqs-0: runs now\nsqs-2: runs now\n"

    assert runs_now(wiped_redis) == ["sqs-0", "sqs-2"]
    assert wiped_redis.hkeys(keys.messages_of(f"{QUEUE}.DQ")) == [b"entry-sqs-1"]


def test_one_that_waits_for_no_time_is_named_and_the_command_fails(enqueue: Enqueue) -> None:
    enqueue("is-due", **failed(1, "database_busy"))
    out = io.StringIO()

    with pytest.raises(CommandError, match=r"2 of 2 don't run now"):
        call_command("retries", "--now", "is-due", "unheard-of", stdout=out)

    assert (
        out.getvalue()
        == "is-due: is not waiting for a time\nunheard-of: is not waiting for a time\n"
    )


def test_while_a_breaker_is_open_what_needs_it_goes_on_waiting(
    wiped_redis: redis.Redis, enqueue: Enqueue
) -> None:
    enqueue("mail", "inbound.DQ", eta=ETA_MS, **failed(1, "sender_unavailable"))
    enqueue("bounce", "feedback.DQ", eta=ETA_MS, **failed(1, "database_busy"))
    breakers = Breakers(wiped_redis)
    for _ in range(5):
        breakers.failed(Dependency.SES, "AccessDenied")

    with pytest.raises(CommandError):
        now("mail")

    assert now("bounce") == "bounce: runs now\n"
    assert wiped_redis.llen(QUEUE) == 0


def test_what_is_no_id_is_refused(wiped_redis: redis.Redis) -> None:
    with pytest.raises(CommandError, match="an id has up to 100"):
        now("ann@home.example")


def test_the_page_has_a_button_only_for_who_may_requeue_and_for_what_waits_for_a_time(
    enqueue: Enqueue, client: Client
) -> None:
    enqueue("waits", "inbound.DQ", eta=int(time.time() * 1000) + 60_000, **failed(1, "x"))
    enqueue("is-due", **failed(1, "x"))

    user = a_member_of_staff("view_delivery")
    client.force_login(user)
    assert "Try now" not in client.get(PAGE).text

    user.user_permissions.add(Permission.objects.get(codename="requeue_dead_letter"))
    assert client.get(PAGE).text.count(">Try now<") == 1


def test_the_button_lets_it_run_and_records_who_wished_it(
    wiped_redis: redis.Redis,
    enqueue: Enqueue,
    client: Client,
    caplog: pytest.LogCaptureFixture,
) -> None:
    enqueue("sqs-1", "inbound.DQ", eta=ETA_MS, **failed(1, "database_busy"))
    user = a_member_of_staff("view_delivery", "requeue_dead_letter")
    client.force_login(user)

    with caplog.at_level(logging.INFO):
        page = client.post(f"{PAGE}now/", {"id": "sqs-1"}, follow=True).text

    assert "Message sqs-1 runs now." in page
    assert runs_now(wiped_redis) == ["sqs-1"]
    assert LogEntry.objects.get(user=user).change_message == "Try sqs-1 now: runs now"
    (line,) = [one for one in caplog.records if one.msg == "retry asked for in the admin"]
    assert line.__dict__["user_id"] == user.pk


@pytest.mark.parametrize("permissions", [("view_delivery",), ("requeue_dead_letter",)])
def test_without_both_permissions_nothing_runs(
    wiped_redis: redis.Redis, enqueue: Enqueue, client: Client, permissions: tuple[str, ...]
) -> None:
    enqueue("sqs-1", "inbound.DQ", eta=ETA_MS, **failed(1, "database_busy"))
    client.force_login(a_member_of_staff(*permissions))

    assert client.post(f"{PAGE}now/", {"id": "sqs-1"}).status_code == 403

    assert runs_now(wiped_redis) == []
    assert not LogEntry.objects.exists()


def test_the_page_does_not_repeat_what_is_no_id(client: Client, wiped_redis: redis.Redis) -> None:
    client.force_login(a_member_of_staff("view_delivery", "requeue_dead_letter"))

    page = client.post(f"{PAGE}now/", {"id": "ann@home.example"}, follow=True).text

    assert "ann@home" not in page
    assert not LogEntry.objects.exists()
