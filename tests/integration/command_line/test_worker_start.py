"""What workers and the web process say when they start, and what they refuse to start with."""

import dataclasses
import logging
import time
from typing import Any, cast

import dramatiq
import pytest
import redis
from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from relay.operations.start import say_start
from relay.worker.middleware.start import Start
from runtime.start import compare_clocks, host_of
from tests.environment import NOWHERE

ANY = cast("Any", None)


class EvictingRedis:
    """A Redis that was set up to evict keys."""

    def info(self, section: str) -> dict[str, object]:
        return {"maxmemory_policy": "allkeys-lru"}


def boot(client: Any, **changes: Any) -> None:
    start = Start(client, dataclasses.replace(settings.CONFIG, **changes))
    start.before_worker_boot(cast("dramatiq.Broker", ANY), cast("dramatiq.Worker", ANY))


def said(caplog: pytest.LogCaptureFixture, message: str) -> dict[str, Any]:
    (line,) = (one for one in caplog.records if one.message == message)
    return vars(line)


def test_a_redis_that_evicts_keys_ends_the_worker(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SystemExit):
        boot(EvictingRedis())
    assert said(caplog, "worker can't use its redis")["error"] == (
        "Redis has maxmemory-policy allkeys-lru: it must be noeviction"
    )


@pytest.mark.django_db
def test_it_says_what_it_understood_and_no_secret(
    redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    boot(
        redis.Redis.from_url(redis_url),
        redis_url="rediss://worker:swordfish@redis.example:6380/0",
        database_url="postgresql://relay:swordfish@db.example:5432/relay",
    )
    line = said(caplog, "worker starting")
    assert (line["redis"], line["database"]) == ("redis.example:6380", "db.example:5432")
    assert (line["region"], line["bucket"]) == ("us-east-1", "mails")
    assert "swordfish" not in str(line)


@pytest.mark.django_db
def test_a_missing_database_is_named(
    redis_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "NAME", "nobody_made_this")
    boot(redis.Redis.from_url(redis_url))
    assert said(caplog, "database does not exist")["database"] == "nobody_made_this"


@pytest.mark.django_db(transaction=True)
def test_a_database_that_lacks_migrations_is_named_with_the_command(
    redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    MigrationRecorder(connection).record_unapplied("operations", "0002_controls")
    try:
        boot(redis.Redis.from_url(redis_url))
        say_start(settings.CONFIG)
    finally:
        MigrationRecorder(connection).record_applied("operations", "0002_controls")

    lines = [vars(one) for one in caplog.records if one.message == "database lacks migrations"]
    assert [(one["migrations"], one["run"]) for one in lines] == [
        (["operations.0002_controls"], "python manage.py migrate")
    ] * 2


@pytest.mark.django_db
def test_the_web_process_says_what_it_understood_and_no_secret(
    redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    config = dataclasses.replace(
        settings.CONFIG,
        redis_url=redis_url,
        database_url="postgresql://relay:swordfish@db.example:5432/relay",
        queue_url="https://sqs.us-east-1.amazonaws.com/123456789012/mail",
    )

    say_start(config)

    line = said(caplog, "web starting")
    assert (line["database"], line["queue"]) == ("db.example:5432", "mail")
    assert (line["region"], line["origin"]) == ("us-east-1", settings.CONFIG.site_origin)
    assert "swordfish" not in str(line)
    assert "database lacks migrations" not in caplog.text


@pytest.mark.django_db
def test_a_redis_that_is_away_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    boot(redis.Redis.from_url(f"redis://{NOWHERE}/0"))
    assert said(caplog, "redis not checked")["error_type"] == "ConnectionError"


@pytest.mark.parametrize(
    ("ahead", "is_said"), [(0.0, False), (1.5, False), (60.0, True), (-60.0, True)]
)
def test_a_clock_that_differs_from_redis_s_is_warned_of(
    redis_url: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    ahead: float,
    is_said: bool,
) -> None:
    real = time.time
    monkeypatch.setattr("runtime.start.time.time", lambda: real() + ahead)
    compare_clocks(redis.Redis.from_url(redis_url))
    warned = [one for one in caplog.records if one.message == "clock differs from redis's"]
    assert bool(warned) == is_said


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("redis://:pw@redis.example:6379/0", "redis.example:6379"),
        ("redis://redis.example", "redis.example"),
        ("postgresql://relay:p%40w@db.example/relay", "db.example"),
        ("postgresql://relay@/relay", "local"),
    ],
)
def test_a_host_is_named_without_user_and_password(url: str, host: str) -> None:
    assert host_of(url) == host
