"""Every attempt ends within its hard limit, and what kills its workers is taken out (P3).

Lessons 30 and 31: a catastrophic regular expression stopped its process's heartbeat and ignored
SIGTERM, and when the heartbeat ran out, stopped the next worker too, for ever.
"""

import json
import os
import signal
import time

import pytest

from bridge.ledger.keys import NAMESPACE
from bridge.messages import Handle
from emails.wire import FEEDBACK_QUEUE
from tests.integration.conftest import Relay, children, wait_for_log
from tests.ledger import Ledger, a_ledger, put_in_flight
from tests.waiting import wait_until
from tools.local.processes import Process
from tools.local.stack import ROOT

LIMIT_SECONDS = 2
HARD_LIMIT_SECONDS = LIMIT_SECONDS + 5
DEAD_LETTERS = f"{NAMESPACE}:{FEEDBACK_QUEUE}.XQ"


def start_workers(relay: Relay, **settings: str) -> Process:
    """Start what `rundramatiq` starts, with the stuck actors beside our own."""
    modules = ["django_dramatiq.setup", "tests.integration.limits.stuck_actors"]
    command = [
        "-m",
        "relay.worker",
        *modules,
        "--skip-logging",
        "--processes",
        "1",
        "--threads",
        "4",
    ]
    settings |= {
        "DJANGO_SETTINGS_MODULE": "relay.settings",
        "PROCESS_EMAIL_MAX_SECONDS_PER_MESSAGE": str(LIMIT_SECONDS),
    }
    workers = relay.stack.start("workers", command, settings)
    wait_for_log(workers, "Worker process is ready for action.")
    return workers


def enqueue(relay: Relay, actor_name: str, message_id: str | None = None) -> Ledger:
    """Put a message for one of the stuck actors in flight, as the bridge does."""
    put_in_flight(
        relay.redis,
        Handle(message_id or actor_name, "handle"),
        actor_queue=FEEDBACK_QUEUE,
        actor_name=actor_name,
        now_ms=int(time.time() * 1000),
        lifetime_seconds=600,
    )
    return a_ledger(relay.redis, lifetime_seconds=600)


def starts(relay: Relay, message_id: str) -> int:
    return int(relay.redis.get(f"relay:starts:{message_id}") or 0)


def test_a_loop_in_python_is_interrupted_and_its_process_lives(relay: Relay) -> None:
    workers = start_workers(relay)
    enqueue(relay, "python_loop")

    line = wait_for_log(workers, "Failed to process message python_loop[python_loop] with "
                        "unhandled exception.")  # fmt: skip

    assert line["error_type"] == "TimeLimitExceeded"
    assert workers.is_running()


@pytest.mark.parametrize("actor_name", ["sleeping", "reading", "matching"])
def test_a_message_that_kills_its_workers_is_dead_lettered_and_those_beside_it_are_processed(
    relay: Relay, actor_name: str
) -> None:
    limit = {"PROCESS_EMAIL_MAX_DELIVERIES": "1"}
    first = start_workers(relay, **limit)
    # Not before: one that is stuck at once may keep its process from saying that it is ready.
    ledger = enqueue(relay, actor_name)
    wait_until("the actor runs", lambda: starts(relay, actor_name) == 1)
    started = time.monotonic()
    for number in range(20):
        enqueue(relay, "quick", f"quick-{number}")
    # Dramatiq's master ends when a worker does: that is for the supervisor to see.
    first.wait(HARD_LIMIT_SECONDS + 10)
    # The master looks after its workers once a second, and they take a moment to stop.
    assert time.monotonic() - started < HARD_LIMIT_SECONDS + 3
    assert "Timeout (" in first.log.read_text()
    assert f"in {actor_name}" in first.log.read_text()
    second = start_workers(relay, **limit)  # as a supervisor would

    ended: dict[str, str] = {}

    def all_ended() -> bool:
        for one in ledger.acknowledgements.take("mail", 10, 1):
            ended[one.handle.message_id] = one.reason
        return len(ended) == 21

    wait_until("all have ended", all_ended, seconds=40)
    assert ended.pop(actor_name) == "too_many_deliveries"
    assert set(ended.values()) == {""}
    wait_for_log(second, "message dead-lettered", reason="too_many_deliveries")
    # Dramatiq makes the dead letter after the message was acknowledged.
    wait_until("one dead letter", lambda: relay.redis.zcard(DEAD_LETTERS) == 1)
    assert starts(relay, actor_name) == 2
    assert second.is_running()


def test_a_killed_workers_message_comes_back_promptly(relay: Relay) -> None:
    """Lesson 29: 79 to 1,846 seconds at Dramatiq's defaults."""
    workers = start_workers(relay, PROCESS_EMAIL_MAX_DELIVERIES="5")
    enqueue(relay, "sleeping")
    wait_until("the actor runs", lambda: starts(relay, "sleeping") == 1)
    workers.send_to_group(signal.SIGKILL)
    workers.wait(10)

    start_workers(relay, PROCESS_EMAIL_MAX_DELIVERIES="5")

    # The heartbeat timeout is 15 seconds; twice that is prompt.
    wait_until("it runs again", lambda: starts(relay, "sleeping") == 2, seconds=30)


def test_a_message_of_a_worker_that_died_beside_another_comes_back_at_once(relay: Relay) -> None:
    """Before, each death cost those beside its cause 15 to 20 seconds."""
    workers = start_workers(relay, PROCESS_EMAIL_MAX_DELIVERIES="5")
    enqueue(relay, "sleeping")
    wait_until("the actor runs", lambda: starts(relay, "sleeping") == 1)
    other = start_workers(relay, PROCESS_EMAIL_MAX_DELIVERIES="5")
    wait_for_log(other, "Worker process is ready for action.")

    workers.send_to_group(signal.SIGKILL)

    wait_until("it runs again", lambda: starts(relay, "sleeping") == 2, seconds=8)
    died = wait_for_log(other, "worker has died")
    assert died["sqs_message_ids"] == ["sleeping"]
    assert "the worker died" in relay.stack.manage("trace", "sleeping")


@pytest.mark.parametrize(("set_to", "is_now"), [(None, "50"), ("200", "200")])
def test_idle_workers_look_often_unless_the_operator_chose_otherwise(
    relay: Relay, set_to: str | None, is_now: str
) -> None:
    """Lesson 34: with Dramatiq's own default an idle worker reacts after up to a second."""
    environ = relay.stack.environ
    environ.pop("dramatiq_worker_timeout", None)
    if set_to is not None:
        environ["dramatiq_worker_timeout"] = set_to

    script = "from dramatiq import worker; print('sleeps', worker.WORKER_TIMEOUT)"
    assert f"sleeps {is_now}" in relay.stack.manage("shell", "-v", "0", "-c", script)


def test_the_death_of_a_worker_ends_the_command_at_once_for_its_supervisor_to_see(
    relay: Relay,
) -> None:
    """Lesson 16: the parent of a worker that the kernel had killed waited for its full limit."""
    workers = start_workers(relay)

    for worker in children(workers):
        os.kill(worker, signal.SIGKILL)

    assert workers.wait(10) != 0
    (line,) = [one for one in workers.log.read_text().splitlines() if "exited unexpectedly" in one]
    assert json.loads(line)["level"] == "critical"


def test_what_the_documented_command_logs_is_json_line_by_line(relay: Relay) -> None:
    """What it prints before it is Dramatiq's master is for people, and begins with a star."""
    command = [str(ROOT / "manage.py"), "rundramatiq", "--processes", "1", "--threads", "2"]
    workers = relay.stack.start("workers", command, {})
    wait_for_log(workers, "Worker process is ready for action.")

    for worker in children(workers):
        os.kill(worker, signal.SIGKILL)

    assert workers.wait(10) != 0
    logged = [one for one in workers.log.read_text().splitlines() if one[:2] not in ("", " *")]
    said = [json.loads(one)["message"] for one in logged]
    assert sum("exited unexpectedly" in one for one in said) == 1
