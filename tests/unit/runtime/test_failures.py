"""A log line about a server that is away says where that is, and in its own words why."""

from collections.abc import Callable
from typing import Any

import pytest
import redis

from bridge.loops import run_loop
from bridge.ports import QueueUnavailable
from relay.worker.patience import patiently
from runtime.failures import fields_of
from runtime.redis_client import connect, connect_fail_fast
from tests.environment import NOWHERE
from tests.unit.bridge.test_loops import Waits

AWAY = f"redis://user:swordfish@{NOWHERE}/0"


@pytest.mark.parametrize("connecting", [connect, connect_fail_fast])
def test_a_redis_that_is_away_is_named(connecting: Callable[[str], "redis.Redis"]) -> None:
    with pytest.raises(redis.ConnectionError) as failed:
        connecting(AWAY).ping()

    assert fields_of(failed.value) == {
        "error_type": "ConnectionError",
        "at": NOWHERE,
        "says": "Connection refused",
    }


def test_redis_quotes_a_command_that_it_does_not_know_and_we_do_not() -> None:
    error = redis.ResponseError("unknown command `EVALSHA`, with args beginning with: `swordfish`,")

    assert fields_of(error)["says"] == "unknown command `EVALSHA`"


def test_a_loop_that_waits_says_for_whom(caplog: pytest.LogCaptureFixture) -> None:
    until = Waits()
    steps: list[Callable[[], Any]] = [
        connect_fail_fast(AWAY).ping,
        lambda: fail(QueueUnavailable("SlowDown", "sqs.example:443", "Too many requests")),
        lambda: fail(RuntimeError("of a mail: swordfish")),
    ]

    def step() -> bool:
        if not steps:
            until.set()
            return True
        return bool(steps.pop(0)())

    run_loop("poller", step, until)

    said = [(vars(one).get("at"), vars(one).get("says")) for one in caplog.records]
    assert said == [
        (NOWHERE, "Connection refused"),
        ("sqs.example:443", "Too many requests"),
        (None, None),
    ]


def test_a_worker_that_waits_says_for_whom(caplog: pytest.LogCaptureFixture) -> None:
    acts: list[Callable[[], Any]] = [connect_fail_fast(AWAY).ping, lambda: "done"]

    def act() -> object:
        return acts.pop(0)()

    assert patiently(act, "retry", sleep=lambda seconds: None) == "done"

    (line,) = (vars(one) for one in caplog.records)
    assert (line["at"], line["says"]) == (NOWHERE, "Connection refused")


def fail(error: Exception) -> None:
    raise error
