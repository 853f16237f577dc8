"""While Redis is away, Sentry and the log hear of it at a bounded rate."""

import inspect
import io
import json
import logging
import re
from typing import Any

import dramatiq.worker
import redis

from runtime.logging import JsonFormatter, WithoutRepeats
from runtime.repeats import Repeats
from runtime.sentry import BoundedScrub


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_first_is_let_through_and_then_one_in_a_while_with_a_count() -> None:
    clock = Clock()
    repeats = Repeats(5, clock=clock)

    assert [repeats.admit("a") for _ in range(4)] == [0, None, None, None]
    assert repeats.admit("b") == 0
    clock.now = 5
    assert repeats.admit("a") == 3
    clock.now = 10
    assert repeats.admit("a") == 0


def an_event(module: str = "redis.exceptions", logger: str = "relay") -> Any:
    values = [{"type": "ConnectionError", "module": module, "value": "x"}]
    return {"logger": logger, "exception": {"values": values}, "tags": {}}


def test_sentry_gets_one_event_of_a_redis_that_is_away() -> None:
    send = BoundedScrub()

    sent = [send(an_event(), {}) for _ in range(144)]
    sent += [send(an_event("builtins", f"dramatiq.worker.{n}"), {}) for n in range(9)]

    (event,) = filter(None, sent)
    assert event["tags"] == {"left_out": "0"}


def test_other_failures_are_all_sent() -> None:
    send = BoundedScrub()

    assert all(send(an_event("builtins"), {}) for _ in range(9))


def lines_of(*messages: tuple[str, str], level: int = logging.WARNING) -> list[dict[str, Any]]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(WithoutRepeats())
    for name, message in messages:
        error = redis.ConnectionError("x")
        record = logging.LogRecord(name, level, "", 0, message, None, None)
        record.error_type = type(error).__name__
        handler.handle(record)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_the_log_is_bounded_but_lines_about_messages_all_stay() -> None:
    threads = [
        ("dramatiq.worker.ConsumerThread(a)", "Connection error"),
        ("x", "waiting for redis"),
    ]

    assert len(lines_of(*threads * 50)) == 2
    assert len(lines_of(*[("x", "message refused by redis")] * 50)) == 50


def test_dramatiqs_line_about_each_consumer_that_waits_is_bounded_too() -> None:
    (template,) = re.findall(r'"(Restarting consumer[^"]*)"', inspect.getsource(dramatiq.worker))
    consumers = [(f"dramatiq.worker.ConsumerThread({n})", template) for n in "abcdefgh"]

    assert len(lines_of(*consumers * 50, level=logging.INFO)) == 1
