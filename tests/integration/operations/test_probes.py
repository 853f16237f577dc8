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
from django.test import Client

from relay.operations.probes import version_of
from runtime.breakers import Breakers
from runtime.dependencies import Dependency
from tests.environment import NOWHERE

PROBE = Client(headers={"host": "10.0.0.7"})


@pytest.fixture
def unreachable_redis(settings: Any) -> None:
    url = f"redis://user:swordfish@{NOWHERE}/0"
    settings.CONFIG = dataclasses.replace(django_settings.CONFIG, redis_url=url)


def test_the_load_balancer_is_answered_whatever_else_is_broken(unreachable_redis: None) -> None:
    answer = PROBE.get("/__lbheartbeat__")

    assert (answer.status_code, answer.content) == (200, b"ok")


def test_all_is_well_when_the_database_and_redis_answer(db: None, wiped_redis: redis.Redis) -> None:
    answer = PROBE.get("/__heartbeat__")

    assert answer.status_code == 200
    checks = {"database": "ok", "redis": "ok", "breakers": "ok"}
    assert answer.json() == {"status": "ok", "checks": checks}


def test_an_open_breaker_is_named_with_its_age_and_the_errors_code(
    db: None, wiped_redis: redis.Redis
) -> None:
    breakers = Breakers(wiped_redis, clock=lambda: time.time() - 83)
    for _ in range(5):
        breakers.failed(Dependency.SES, "AccessDeniedException")

    answer = PROBE.get("/__heartbeat__")

    assert answer.status_code == 500
    assert answer.json()["errors"] == {"breakers": "ses for 83 s: AccessDeniedException"}


def test_a_redis_that_is_down_is_named_without_its_password(
    db: None, unreachable_redis: None
) -> None:
    answer = PROBE.get("/__heartbeat__")

    assert answer.status_code == 500
    assert answer.json()["checks"] == {"database": "ok", "redis": "error", "breakers": "error"}
    assert answer.json()["errors"]["redis"] == "ConnectionError"
    assert answer.json()["errors"]["breakers"] == "redis for 0 s: ConnectionError"
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
    assert answer.json()["checks"] == {"database": "error", "redis": "ok", "breakers": "ok"}


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
