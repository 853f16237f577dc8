"""`manage.py dead_letters`: what an operator types, and what is told."""

import json
import logging
from io import StringIO
from typing import Any

import pytest
import redis
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command

from bridge.ledger.story import Event, Story
from tests.dead_letters import Bury, dead, queued
from tests.integration.emails.conftest import a_mask, an_owner
from tests.unit.operations.builders import SECRETS, a_notification

pytestmark = pytest.mark.usefixtures("store")


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("dead_letters", *arguments, stdout=out)
    return out.getvalue()


def run_json(*arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(*arguments, "--json").splitlines()]


def refusal(*arguments: str) -> str:
    with pytest.raises(CommandError) as refused:
        run(*arguments)
    said = str(refused.value)
    assert "\n" not in said
    return said


def test_a_list_names_messages_and_reasons_and_nothing_of_their_mails(bury: Bury) -> None:
    bury(reason="time_limit", sqs_message_id="sqs-a", minutes_ago=5)
    bury(sqs_message_id="sqs-b")

    text, objects = run("list"), run_json("list")

    assert [one["sqs_message_id"] for one in objects] == ["sqs-b", "sqs-a"]
    assert objects[1]["reason"] == "time_limit"
    assert "sqs-b" in text.splitlines()[0]
    for secret in SECRETS:
        assert secret not in text
    assert len(run_json("list", "--limit", "1")) == 1


def test_one_is_shown_with_all_but_its_mail(bury: Bury) -> None:
    note = {"attempts": 3, "error_type": "ValueError", "traceback": ["ValueError", "  a.py:1 f"]}
    bury(dead_letter_id="dead-1", dead_letter=note)

    text, (told,) = run("show", "dead-1"), run_json("show", "dead-1")

    assert (told["attempts"], told["error_type"]) == (3, "ValueError")
    assert told["traceback"] == note["traceback"]
    assert told["time_in_sqs_s"] >= 0
    assert told["notification"]["notificationType"] == "Received"
    assert "a.py:1 f" in text
    for secret in SECRETS:
        assert secret not in text


def a_user(name: str, **fields: Any) -> Any:
    return get_user_model().objects.create(username=name, **fields)


@pytest.mark.django_db
def test_a_whole_notification_is_shown_to_who_may_see_it_and_that_is_recorded(
    bury: Bury, caplog: pytest.LogCaptureFixture
) -> None:
    bury(dead_letter_id="dead-1", sqs_message_id="sqs-1")
    user = a_user("ann")
    user.user_permissions.add(Permission.objects.get(codename="reveal_dead_letter"))

    with caplog.at_level(logging.INFO, logger="relay"):
        text = run("show", "dead-1", "--reveal", "--as", "ann")

    assert all(secret in text for secret in SECRETS)
    (line,) = [one for one in caplog.records if one.message == "dead letter revealed"]
    told = {name: line.__dict__[name] for name in ("sqs_message_id", "user_id")}
    assert told == {"sqs_message_id": "sqs-1", "user_id": user.pk}
    entry = LogEntry.objects.get()
    assert (entry.user_id, entry.object_id) == (user.pk, "dead-1")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--as USERNAME"),
        (["--as", "nobody"], "operations.reveal_dead_letter"),
        (["--as", "powerless"], "operations.reveal_dead_letter"),
        (["--as", "gone"], "operations.reveal_dead_letter"),
    ],
)
def test_nobody_else_sees_it(bury: Bury, arguments: list[str], said: str) -> None:
    bury(dead_letter_id="dead-1")
    a_user("powerless", is_staff=True)
    a_user("gone", is_superuser=True, is_active=False)

    assert said in refusal("show", "dead-1", "--reveal", *arguments)


def test_requeueing_what_is_meant_and_nothing_else(bury: Bury, client: redis.Redis) -> None:
    bury(dead_letter_id="a", reason="time_limit")
    bury(dead_letter_id="b")
    bury(dead_letter_id="c", queue="feedback")

    assert run("requeue", "--reason", "time_limit", "--yes") == "1 requeued\n"
    assert (dead(client), queued(client)) == (["b"], 1)
    assert refusal("requeue", "b", "nothing", "--yes") == "1 not there any more"
    (told,) = run_json("requeue", "--all", "--yes")
    assert (told["id"], told["result"]) == ("c", "requeued")
    assert (queued(client), queued(client, "feedback")) == (2, 1)
    assert run("requeue", "--all") == "None matched.\n"


def test_deleting(bury: Bury, client: redis.Redis) -> None:
    bury(dead_letter_id="a")
    bury(dead_letter_id="b", minutes_ago=90)

    assert run("delete", "--older-than", "1h", "--yes") == "1 deleted\n"
    assert dead(client) == ["a"]
    assert queued(client) == 0


@pytest.mark.django_db
def test_a_mask_is_named_by_its_id(bury: Bury, client: redis.Redis) -> None:
    mask = a_mask(an_owner())
    bury(dead_letter_id="a", notification=a_notification("x7k2@masks.example"))
    bury(dead_letter_id="b", notification=a_notification("other@masks.example"))

    assert run("requeue", "--mask-id", f"random-{mask.pk}", "--yes") == "1 requeued\n"
    assert dead(client) == ["b"]
    assert "no mask random-999999" in refusal("list", "--mask-id", "random-999999")


@pytest.mark.parametrize("action", ["requeue", "delete"])
def test_a_dry_run_lists_and_changes_nothing(bury: Bury, client: redis.Redis, action: str) -> None:
    bury(dead_letter_id="a")

    (told,) = run_json(action, "--all", "--dry-run")

    assert told["id"] == "a"
    assert dead(client) == ["a"]


def test_what_is_older_than_the_database_remembers_is_left_unless_asked_for(
    bury: Bury, client: redis.Redis
) -> None:
    bury(dead_letter_id="old", sent_days_ago=15)
    bury(dead_letter_id="young", sent_days_ago=13)

    assert run("requeue", "--all", "--yes") == "1 requeued, 1 too_old\n"
    assert dead(client) == ["old"]
    assert run("requeue", "old", "--even-if-old", "--yes") == "1 requeued\n"


def test_what_cant_be_read_is_told_and_can_be_deleted(bury: Bury, client: redis.Redis) -> None:
    bury(dead_letter_id="a")
    client.hset("relay:inbound.XQ.msgs", "a", b"\xff")

    assert run("requeue", "--all", "--yes") == "1 unreadable\n"
    assert run("delete", "a", "--yes") == "1 deleted\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["requeue"], "ids, a filter, or --all"),
        (["delete"], "ids, a filter, or --all"),
        (["requeue", "a", "--all"], "combined with ids"),
        (["requeue", "a", "--reason", "refused", "--yes"], "not both"),
        (["delete", "--all"], "add --yes"),
        (["show", "nothing"], "no dead letter nothing"),
        (["list", "--older-than", "soon"], "'soon': an age is"),
        (["list", "--mask-id", "7"], "'7': a mask id is"),
        (["list", "--reason", "ann@owner.example"], "a reason is"),
        (["list", "--queue", "mail"], "invalid choice: 'mail'"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(
    bury: Bury, client: redis.Redis, arguments: list[str], said: str
) -> None:
    bury(dead_letter_id="a")

    assert said in refusal(*arguments)
    assert dead(client) == ["a"]


def test_one_is_shown_with_the_attempts_whose_worker_was_killed(
    bury: Bury, client: redis.Redis
) -> None:
    bury(dead_letter_id="a")
    (shown,) = run_json("show", "a")
    told = [("begun", "host-1"), ("worker_died", "host-1"), ("deferred", "")]
    Story(100).tell(
        client, [Event(0, what, shown["sqs_message_id"], detail=detail) for what, detail in told]
    )

    (shown,) = run_json("show", "a")

    assert [line.split("  ", 1)[1] for line in shown["history"]] == [
        "an attempt began  worker=host-1",
        "the worker died, and others go on  worker=host-1",
    ]
