"""The stand-in for the workers' presence behaves as the one in Redis does."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import dramatiq
import pytest
import redis
from django.db import connections

from emails.edges import presence as presence_in_redis
from emails.edges.ports import WorkerPresence
from emails.edges.presence import SILENT_SECONDS, RedisPresence
from relay.worker.broker import broker_on
from relay.worker.middleware import presence as middleware
from relay.worker.middleware.presence import INTERVAL_SECONDS
from relay.worker.middleware.presence import WorkerPresence as PresenceMiddleware
from runtime import presence as own_presence
from runtime.presence import FRESH_SECONDS, Presence
from tests.contract.conftest import PLAYED_BY_REDIS, an_empty_redis
from tests.fakes import FakePresence
from tests.waiting import wait_until


@dataclass
class AnyPresence:
    """A worker's presence, and what makes it beat, and stop."""

    presence: WorkerPresence
    beat: Callable[[], None]
    stop: Callable[[], None]


def of_the_stand_in() -> AnyPresence:
    fake = FakePresence()
    fake.name, fake.fresh, fake.silent = "worker:1", False, {"worker:1"}

    def beat() -> None:
        fake.fresh, fake.silent = True, set()

    return AnyPresence(fake, beat, lambda: fake.silent.add("worker:1"))


@pytest.fixture(params=["stand-in", *PLAYED_BY_REDIS])
def any_presence(request: pytest.FixtureRequest) -> AnyPresence:
    """That of a worker which has not beaten yet."""
    if request.param == "stand-in":
        return of_the_stand_in()
    own = Presence()
    own.begin()
    presence = RedisPresence(an_empty_redis(request.param, request), own)
    return AnyPresence(presence, presence.beat, presence.leave)


def test_a_worker_that_has_beaten_is_fresh_and_not_silent(any_presence: AnyPresence) -> None:
    presence = any_presence.presence
    assert (presence.is_fresh(), presence.is_silent(presence.name)) == (False, True)

    any_presence.beat()

    assert (presence.is_fresh(), presence.is_silent(presence.name)) == (True, False)


def test_a_worker_that_has_stopped_is_silent(any_presence: AnyPresence) -> None:
    any_presence.beat()

    any_presence.stop()

    assert any_presence.presence.is_silent(any_presence.presence.name)


def test_a_worker_is_silent_some_time_after_its_last_beat(redis_client: redis.Redis) -> None:
    own = Presence()
    own.begin()
    RedisPresence(redis_client, own).beat()

    assert 0 < redis_client.ttl(f"relay:alive:{own.name}") <= SILENT_SECONDS


def test_no_two_processes_have_one_name_and_it_fits_a_connection() -> None:
    own, other = Presence(), Presence()
    own.begin()
    other.begin()

    assert own.name != other.name
    assert len(own.name) <= 63  # PostgreSQL cuts longer ones


def test_a_process_is_fresh_for_less_time_than_the_others_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own, now = Presence(), [1000.0]
    monkeypatch.setattr(own_presence, "uptime_seconds", lambda: now[0])
    assert not own.is_fresh()
    own.note_beat(now[0])
    now[0] += FRESH_SECONDS - 0.1
    assert own.is_fresh()
    now[0] += 0.1
    assert not own.is_fresh()

    assert INTERVAL_SECONDS < FRESH_SECONDS <= SILENT_SECONDS / 2


def test_a_beat_that_took_long_counts_from_its_start(
    redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis may have carried it out then, and so may forget it sooner."""
    own, now = Presence(), [1000.0]
    for module in (own_presence, presence_in_redis):
        monkeypatch.setattr(module, "uptime_seconds", lambda: now[0])

    def set_slowly(*args: object, **options: object) -> None:
        now[0] += FRESH_SECONDS

    monkeypatch.setattr(redis_client, "set", set_slowly)
    RedisPresence(redis_client, own).beat()

    assert not own.is_fresh()


def test_a_worker_beats_again_and_again(
    worker: tuple[dramatiq.Worker, Presence],
    redis_client: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(middleware, "INTERVAL_SECONDS", 0.02)
    started, own = worker
    started.start()

    for _ in range(2):
        wait_until("a beat", lambda: redis_client.delete(f"relay:alive:{own.name}"))


@pytest.fixture
def worker(redis_client: redis.Redis) -> Iterator[tuple[dramatiq.Worker, Presence]]:
    """A worker in this process."""
    own = Presence()
    broker = broker_on(redis_client, [PresenceMiddleware(redis_client, own)])
    worker = dramatiq.Worker(broker, worker_timeout=10, worker_threads=1)
    yield worker, own
    worker.stop()
    connections.settings["default"]["OPTIONS"].pop("application_name", None)


def test_a_worker_beats_from_its_start_until_all_its_messages_have_ended(
    worker: tuple[dramatiq.Worker, Presence], redis_client: redis.Redis
) -> None:
    started, own = worker
    presence = RedisPresence(redis_client, own)

    started.start()

    assert own.name.startswith("worker:")
    assert connections.settings["default"]["OPTIONS"]["application_name"] == own.name
    wait_until("a beat", lambda: not presence.is_silent(own.name))
    assert own.is_fresh()
    started.stop()
    assert presence.is_silent(own.name)
