"""`manage.py status`: what the dashboard's first line says, with an exit code, whatever is away."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connections

from bridge.ledger import keys
from bridge.ledger.heartbeats import Heartbeats, Process, Role
from relay.operations.judgement import database, read
from runtime.breakers import Breakers
from runtime.dependencies import Dependency
from tests.environment import NOWHERE


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    """Let no test see what another found."""
    read.forget()
    database.forget()
    yield
    read.forget()
    database.forget()


@pytest.fixture
def all_alive(wiped_redis: redis.Redis) -> redis.Redis:
    for role in Role:
        Heartbeats(wiped_redis).beat(Process(role, 20))
    return wiped_redis


def status(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, object]:
    """Run the command; returns what it prints, and its exit code."""
    with pytest.raises(SystemExit) as ended:
        call_command("status", *arguments)
    return capsys.readouterr().out, ended.value.code


def test_all_is_well(db: None, all_alive: redis.Redis, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(capsys) == ("✓ All is well.\n", 0)


def test_what_deserves_a_look_is_named_as_the_dashboard_names_it(
    db: None, all_alive: redis.Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    all_alive.zadd(keys.dead_letters("inbound"), {"dead-1": 1, "dead-2": 2})
    looks = "Mail gets through. Look at: Dead letters in Redis (2)."

    assert status(capsys) == (f"▲ {looks}\n", 1)
    said, code = status(capsys, "--json")
    assert (json.loads(said)["level"], json.loads(said)["text"], code) == ("look", looks, 1)


def test_a_cause_is_named_with_what_to_do(
    db: None, all_alive: redis.Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    breakers = Breakers(all_alive)
    for _ in range(5):
        breakers.failed(Dependency.SES, "SendingPausedException")

    said, code = status(capsys)

    assert code == 2
    first, *others = said.splitlines()
    assert first.startswith("✖ AWS has paused sending: SendingPausedException, for ")
    assert others[0].startswith("  run: aws sesv2 get-account")


def test_json_has_the_same_sentence(
    db: None, all_alive: redis.Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    Heartbeats(all_alive).leave(Process(Role.BRIDGE, 20))

    text, _ = status(capsys)
    said, code = status(capsys, "--json")

    assert code == 2
    read_back: dict[str, Any] = json.loads(said)
    assert [one["cause"] for one in read_back["causes"]] == ["no_bridge"]
    assert text.splitlines()[0] == f"✖ {read_back['text']}"


@pytest.mark.django_db(transaction=True)
def test_it_works_without_redis_and_without_the_database(
    settings: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"redis://user:swordfish@{NOWHERE}/0"
    settings.CONFIG = dataclasses.replace(django_settings.CONFIG, redis_url=url)
    connections["default"].close()
    host, port = NOWHERE.split(":")
    monkeypatch.setitem(connections["default"].settings_dict, "HOST", host)
    monkeypatch.setitem(connections["default"].settings_dict, "PORT", port)

    said, code = status(capsys, "--json")

    assert code == 2
    causes = [one["cause"] for one in json.loads(said)["causes"]]
    assert causes == ["redis_away", "database_away"]
    assert "swordfish" not in said
