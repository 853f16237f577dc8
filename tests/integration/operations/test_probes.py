"""What load balancers and deployments are told: whether it is there, whether it works, what it is.

They come by plain HTTP and by IP address, and must be answered all the same.
"""

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from bridge.ledger.heartbeats import Heartbeats, Process, Role
from relay.operations.judgement import database, read
from relay.operations.probes import version_of
from runtime.breakers import Breakers
from runtime.dependencies import Dependency
from tests.environment import NOWHERE

PROBE = Client(headers={"host": "10.0.0.7"})


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    """Let no test see what another found."""
    read.forget()
    database.forget()


@pytest.fixture
def unreachable_redis(settings: Any) -> None:
    url = f"redis://user:swordfish@{NOWHERE}/0"
    settings.CONFIG = dataclasses.replace(django_settings.CONFIG, redis_url=url)


def test_the_load_balancer_is_answered_whatever_else_is_broken(unreachable_redis: None) -> None:
    answer = PROBE.get("/__lbheartbeat__")

    assert (answer.status_code, answer.content) == (200, b"ok")


def test_all_is_well_when_the_database_and_redis_answer(db: None, wiped_redis: redis.Redis) -> None:
    for role in Role:
        Heartbeats(wiped_redis).beat(Process(role, 20))

    answer = PROBE.get("/__heartbeat__")

    assert answer.status_code == 200
    checks = {"database": "ok", "migrations": "ok", "redis": "ok", "breakers": "ok"}
    assert answer.json() == {"status": "ok", "checks": checks}


def test_the_cause_is_the_dashboards(db: None, wiped_redis: redis.Redis) -> None:
    Heartbeats(wiped_redis).beat(Process(Role.WORKER, 20))
    Heartbeats(wiped_redis).beat(Process(Role.SCHEDULER, 130))

    answer = PROBE.get("/__heartbeat__")

    assert answer.status_code == 500
    assert answer.json()["causes"] == {"no_bridge": None}


def test_a_full_redis_is_not_ok_though_it_answers(db: None, wiped_redis: redis.Redis) -> None:
    wiped_redis.config_set("maxmemory", "100kb")
    try:
        answer = PROBE.get("/__heartbeat__")
    finally:
        wiped_redis.config_set("maxmemory", "0")

    assert answer.json()["checks"]["redis"] == "error"
    assert answer.json()["errors"]["redis"].startswith("full: command not allowed")
    assert list(answer.json()["causes"]) == ["redis_full"]


def test_a_redis_that_is_a_replica_is_read_only(db: None, wiped_redis: redis.Redis) -> None:
    wiped_redis.replicaof("127.0.0.1", "1")
    try:
        answer = PROBE.get("/__heartbeat__")
    finally:
        wiped_redis.replicaof("NO", "ONE")

    assert answer.json()["errors"]["redis"].startswith("read_only: ")
    assert list(answer.json()["causes"]) == ["redis_read_only"]


def test_a_database_without_its_last_migration_is_named(db: None, wiped_redis: redis.Redis) -> None:
    recorder = MigrationRecorder(connections["default"])
    ours = [name for app, name in recorder.applied_migrations() if app == "emails"]
    recorder.record_unapplied("emails", max(ours))

    answer = PROBE.get("/__heartbeat__")

    assert answer.json()["errors"]["migrations"] == (
        f"emails.{max(ours)}: run `python manage.py migrate`"
    )
    assert "database_unmigrated" in answer.json()["causes"]


def test_an_open_breaker_is_named_with_its_age_and_the_errors_code(
    db: None, wiped_redis: redis.Redis
) -> None:
    breakers = Breakers(wiped_redis, clock=lambda: time.time() - 83)
    for _ in range(5):
        breakers.failed(Dependency.SES, "AccessDeniedException")

    answer = PROBE.get("/__heartbeat__")

    assert answer.status_code == 500
    assert answer.json()["errors"] == {"breakers": "ses for 83 s: AccessDeniedException"}
    assert answer.json()["causes"]["ses_denied"] == 83


def test_a_redis_that_is_down_is_named_without_its_password(
    db: None, unreachable_redis: None
) -> None:
    answer = PROBE.get("/__heartbeat__")

    assert answer.status_code == 500
    assert answer.json()["checks"]["redis"] == "error"
    assert answer.json()["errors"] == {"redis": "away: Connection refused"}
    assert answer.json()["causes"] == {"redis_away": None}
    assert b"swordfish" not in answer.content


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_down_is_named(
    wiped_redis: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections["default"].close()
    monkeypatch.setitem(connections["default"].settings_dict, "PORT", NOWHERE.split(":")[1])
    monkeypatch.setitem(connections["default"].settings_dict, "HOST", NOWHERE.split(":")[0])

    answer = PROBE.get("/__heartbeat__")

    assert answer.status_code == 500
    assert answer.json()["checks"]["database"] == "error"
    assert answer.json()["errors"] == {"database": "Connection refused"}
    assert "database_away" in answer.json()["causes"]


@pytest.mark.parametrize("path", ["/__lbheartbeat__", "/__heartbeat__", "/__version__"])
def test_a_probe_only_asks(path: str) -> None:
    assert PROBE.post(path).status_code == 405


def test_the_version_is_told_with_all_its_fields() -> None:
    answer = PROBE.get("/__version__").json()

    assert set(answer) == {"source", "version", "commit", "build"}
    assert answer["version"]


def test_a_builds_file_comes_before_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "version.json"
    file.write_text(json.dumps({"commit": "of the file"}))
    config = dataclasses.replace(
        django_settings.CONFIG, version="1.2", version_commit="of the settings"
    )

    told = version_of(config, file)

    assert (told["commit"], told["version"]) == ("of the file", "1.2")


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_a_file_that_is_no_version_is_passed_over(tmp_path: Path, content: str) -> None:
    file = tmp_path / "version.json"
    file.write_text(content)

    told = version_of(dataclasses.replace(django_settings.CONFIG, version="1.2"), file)

    assert told["version"] == "1.2"
