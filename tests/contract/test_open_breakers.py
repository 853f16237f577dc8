"""Operators see which breakers are open, and that Redis itself takes no writes."""

from typing import Any
from unittest.mock import patch

import pytest
import redis
from redis.exceptions import ConnectionError as Away

from relay.operations.gauges import breaker_gauges
from relay.operations.open_breakers import OpenBreakers
from runtime.breakers import Breakers
from runtime.dependencies import Dependency

WELL = {"role": "master", "maxmemory": 1_000, "used_memory": 899}


def answering(client: redis.Redis, info: object) -> Any:
    """Let Redis answer INFO with this, or fail with it."""
    return patch.object(client, "info", side_effect=[info, info])


def found(client: redis.Redis, info: object, finder: OpenBreakers, now_ms: int = 0) -> list[object]:
    with answering(client, info):
        return [(one.dependency, one.code, one.since_ms) for one in finder.find(client, now_ms)]


@pytest.mark.parametrize(
    ("info", "code"),
    [
        (WELL, None),
        (WELL | {"maxmemory": 0}, None),
        (WELL | {"used_memory": 900}, "OOM"),
        (WELL | {"role": "slave"}, "READONLY"),
        (Away(), "ConnectionError"),
    ],
    ids=str,
)
def test_a_redis_that_takes_no_writes_is_named_with_its_fault(
    redis_client: redis.Redis, info: object, code: str | None
) -> None:
    expected = [("redis", code, 7)] if code else []

    assert found(redis_client, info, OpenBreakers(), 7) == expected


def test_its_age_counts_from_when_it_was_first_found_failing(redis_client: redis.Redis) -> None:
    finder = OpenBreakers()
    for now_ms in (5, 6):
        assert found(redis_client, Away(), finder, now_ms) == [("redis", "ConnectionError", 5)]

    assert found(redis_client, WELL, finder, 7) == []
    assert found(redis_client, Away(), finder, 8) == [("redis", "ConnectionError", 8)]


def test_those_of_the_processes_are_found_too(redis_client: redis.Redis) -> None:
    breakers = Breakers(redis_client, clock=lambda: 3)
    for _ in range(5):
        breakers.failed(Dependency.SES, "AccessDenied")

    assert found(redis_client, WELL, OpenBreakers()) == [("ses", "AccessDenied", 3_000)]


def test_the_gauge_of_a_closed_breaker_is_zero_and_of_an_open_one_never(
    redis_client: redis.Redis,
) -> None:
    with answering(redis_client, Away()):
        open_ones = OpenBreakers().find(redis_client, 5_000)

    gauges = {gauge.label: gauge.value for gauge in breaker_gauges(open_ones, 4_000)}

    assert set(gauges) == {f"breaker_open_s:{one}" for one in Dependency}
    assert gauges.pop("breaker_open_s:redis") > 0
    assert set(gauges.values()) == {0}
