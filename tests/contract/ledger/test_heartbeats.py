"""Each process leaves a heartbeat in Redis; what does not beat any more is known as silent."""

import json
import os
import socket
import threading
from typing import Any

import dramatiq
import pytest
import redis

from bridge.ledger.heartbeats import Heartbeat, Heartbeats, Process, Role
from emails.wire import DEFAULT_QUEUE
from relay.operations.liveness import NoLiveProcess, check_heartbeats
from relay.worker.broker import broker_on
from relay.worker.consumer import PERIODIC
from relay.worker.middleware.heartbeat import SendHeartbeats
from tests.waiting import wait_until

HERE = socket.gethostname()


@pytest.fixture
def heartbeats(redis_client: redis.Redis) -> Heartbeats:
    return Heartbeats(redis_client)


def let_time_pass(redis_client: redis.Redis, seconds: float) -> None:
    """Make all heartbeats older by so much."""
    for key in redis_client.scan_iter("relay:heartbeat:*"):
        redis_client.pexpire(key, redis_client.pttl(key) - int(seconds * 1000))


def a_process(role: Role = Role.WORKER, limit_seconds: int = 20, **fields: Any) -> Process:
    return Process(role, limit_seconds, **fields)


def test_a_beat_tells_who_it_is_and_what_it_has_done(heartbeats: Heartbeats) -> None:
    process = a_process(Role.BRIDGE)

    heartbeats.beat(process, {"cycles": 3})

    (found,) = heartbeats.find_all()
    assert found.process == process
    assert (found.process.host, found.process.pid) == (HERE, os.getpid())
    assert found.totals == {"cycles": 3}
    assert found.age_seconds < 5


def test_a_process_lives_until_its_limit_and_is_silent_after_it(
    heartbeats: Heartbeats, redis_client: redis.Redis
) -> None:
    heartbeats.beat(a_process(limit_seconds=20))

    let_time_pass(redis_client, 15)
    assert [beat.is_alive for beat in heartbeats.find_all()] == [True]
    let_time_pass(redis_client, 6)
    (silent,) = heartbeats.find_all()
    assert not silent.is_alive
    assert 21 <= silent.age_seconds < 26


def test_a_new_beat_ends_the_silence(heartbeats: Heartbeats, redis_client: redis.Redis) -> None:
    process = a_process()
    heartbeats.beat(process)
    let_time_pass(redis_client, 60)

    heartbeats.beat(process)

    assert [beat.is_alive for beat in heartbeats.find_all()] == [True]


def test_the_silent_are_forgotten_after_a_quarter_of_an_hour(
    heartbeats: Heartbeats, redis_client: redis.Redis
) -> None:
    """Redis does not fill with the names of processes that are no more."""
    heartbeats.beat(a_process(limit_seconds=20, pid=1))
    let_time_pass(redis_client, 20 + 15 * 60)
    redis_client.zadd("relay:heartbeats", {"worker:gone:1": 0})

    heartbeats.beat(a_process(pid=2))

    assert [beat.process.pid for beat in heartbeats.find_all()] == [2]
    assert redis_client.zscore("relay:heartbeats", "worker:gone:1") is None


def test_who_leaves_in_order_is_not_missed(
    heartbeats: Heartbeats, redis_client: redis.Redis
) -> None:
    heartbeats.beat(a_process())

    heartbeats.leave(a_process())

    assert heartbeats.find_all() == []
    assert redis_client.keys() == []


@pytest.fixture
def broker(redis_client: redis.Redis, heartbeats: Heartbeats) -> dramatiq.Broker:
    broker = broker_on(redis_client, [SendHeartbeats(heartbeats)])
    broker.declare_queue(DEFAULT_QUEUE)
    return broker


def test_a_worker_beats_while_it_works_and_leaves_when_it_stops(
    broker: dramatiq.Broker, heartbeats: Heartbeats
) -> None:
    worker = dramatiq.Worker(broker, worker_threads=1)
    worker.start()
    (found,) = wait_until("a heartbeat", heartbeats.find_all)
    worker.stop()

    assert (found.process.role, found.is_alive) == (Role.WORKER, True)
    assert heartbeats.find_all() == []


def test_a_worker_that_has_lost_a_thread_does_not_beat(
    broker: dramatiq.Broker,
    heartbeats: Heartbeats,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("relay.worker.middleware.heartbeat.INTERVAL_SECONDS", 0.02)
    worker = dramatiq.Worker(broker, worker_threads=1)
    worker.start()
    wait_until("a heartbeat", heartbeats.find_all)
    lost = threading.Thread(target=lambda: None)
    worker.workers.append(lost)  # type: ignore[arg-type]
    # Until then, a heartbeat may be under way.
    wait_until("it is noticed", lambda: "worker has lost a thread" in caplog.text)
    heartbeats.leave(a_process())

    with pytest.raises(AssertionError, match="still not"):
        wait_until("another heartbeat", heartbeats.find_all, seconds=0.5)
    worker.workers.remove(lost)  # type: ignore[arg-type]
    worker.stop()


def test_what_enqueues_other_messages_than_periodic_ones_is_no_scheduler(
    broker: dramatiq.Broker, heartbeats: Heartbeats
) -> None:
    broker.enqueue(
        dramatiq.Message(queue_name=DEFAULT_QUEUE, actor_name="any", args=(), kwargs={}, options={})
    )

    assert heartbeats.find_all() == []


def a_heartbeat(age: float, role: Role = Role.WORKER, host: str = HERE) -> Heartbeat:
    return Heartbeat(a_process(role, pid=7, host=host), age, {})


@pytest.mark.parametrize(
    "found",
    [
        [a_heartbeat(3)],
        [a_heartbeat(3), a_heartbeat(500)],
    ],
)
def test_a_host_is_healthy_with_one_that_lives(found: list[Heartbeat]) -> None:
    said = check_heartbeats(found, Role.WORKER, HERE)

    assert said == f"worker: 1 alive on host {HERE}, last heartbeat 3 s ago"


@pytest.mark.parametrize(
    ("found", "complaint"),
    [
        ([], f"worker: no heartbeat of host {HERE} in Redis"),
        ([a_heartbeat(3, role=Role.BRIDGE)], "no heartbeat"),
        ([a_heartbeat(3, host="another")], "no heartbeat"),
        ([a_heartbeat(21)], f"process 7 of host {HERE} beat last 21 s ago, allowed are 20 s"),
    ],
)
def test_another_role_another_host_or_a_silent_one_is_no_health(
    found: list[Heartbeat], complaint: str
) -> None:
    with pytest.raises(NoLiveProcess, match=complaint):
        check_heartbeats(found, Role.WORKER, HERE)


def test_what_lies_in_redis_is_json_that_people_can_read(
    heartbeats: Heartbeats, redis_client: redis.Redis
) -> None:
    heartbeats.beat(a_process(pid=7, host="h"))

    kept = json.loads(redis_client.get("relay:heartbeat:worker:h:7") or b"")

    assert kept["process"]["role"] == "worker"


def test_a_bridge_says_how_old_its_oldest_mail_is(heartbeats: Heartbeats) -> None:
    heartbeats.beat(a_process(pid=1), {}, 1_000)
    heartbeats.beat(a_process(pid=2))

    assert [beat.oldest_ms for beat in heartbeats.find_all()] == [1_000, None]


def test_a_scheduler_names_another_that_runs_once(
    redis_client: redis.Redis, heartbeats: Heartbeats, caplog: pytest.LogCaptureFixture
) -> None:
    heartbeats.beat(Process(Role.SCHEDULER, 60, host="other", pid=7))
    heartbeats.beat(Process(Role.WORKER, 60, host="other", pid=8))
    scheduler = SendHeartbeats(heartbeats)
    job: dramatiq.Message[Any] = dramatiq.Message("default", "a_job", (), {}, {PERIODIC: 1})
    for _ in range(3):
        scheduler.after_enqueue(broker_on(redis_client), job, None)
    (said,) = (one for one in caplog.records if one.message == "another scheduler runs")
    assert vars(said)["other"] == "scheduler:other:7"
