"""The gauges of the last 24 hours in Redis, one sample a minute: for the dashboard's charts.

    relay:gauges   sorted set: samples as JSON, by minute

It holds at most a day's 1,440 samples, about 1.5 MB, and loses them with Redis. For more, use a
metrics backend.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from relay.operations.gauges import Gauge

if TYPE_CHECKING:
    from redis import Redis

MINUTES = 24 * 60
"""The most samples that are kept."""

_KEY = "relay:gauges"


@dataclass(frozen=True, slots=True)
class Sample:
    """The gauges of one minute (counted since 1970), by label."""

    minute: int
    values: dict[str, float]


def record(client: "Redis", minute: int, gauges: Iterable[Gauge]) -> None:
    """Store the gauges of a minute, replacing an earlier sample of it."""
    # The minute keeps samples with equal values apart: a sorted set holds each member once.
    sample = json.dumps([minute, {gauge.label: gauge.value for gauge in gauges}])
    with client.pipeline(transaction=True) as pipeline:
        pipeline.zremrangebyscore(_KEY, minute, minute)
        pipeline.zadd(_KEY, {sample: minute})
        pipeline.zremrangebyscore(_KEY, "-inf", minute - MINUTES)
        pipeline.expire(_KEY, MINUTES * 60)
        pipeline.execute()


def find(client: "Redis", now_minute: int) -> list[Sample]:
    """Find the samples of the day that ends now, oldest first."""
    return _find(client, now_minute - MINUTES + 1, "+inf")


def find_of(client: "Redis", minutes: range) -> list[Sample]:
    """Find the samples of these minutes, oldest first."""
    return _find(client, minutes[0], minutes[-1])


def _find(client: "Redis", first: int, last: int | str) -> list[Sample]:
    found = cast("list[bytes]", client.zrange(_KEY, first, last, byscore=True))
    return [Sample(*json.loads(text)) for text in found]


def find_last_minute(client: "Redis") -> int | None:
    """Find the minute of the newest sample."""
    found = cast("list[tuple[bytes, float]]", client.zrange(_KEY, -1, -1, withscores=True))
    return int(found[0][1]) if found else None
