"""The gauges of the last 24 hours, one sample a minute, in Redis: for charts where nothing else is.

    relay:gauges   sorted set: samples as JSON, by their minute

It never holds more than a day's 1,440 samples, about 1.5 MB, and loses them with Redis: who wants
more has a metrics backend.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from relay.operations.gauges import Gauge

if TYPE_CHECKING:
    from redis import Redis

MINUTES = 24 * 60
"""How many samples are kept at most."""

_KEY = "relay:gauges"


@dataclass(frozen=True, slots=True)
class Sample:
    """The gauges of one minute (counted since 1970), by their labels."""

    minute: int
    values: dict[str, float]


def record(client: "Redis", minute: int, gauges: Iterable[Gauge]) -> None:
    """Keep the gauges of a minute, in the place of what was kept of it before."""
    # The minute makes samples of equal values differ: a sorted set holds each member once.
    sample = json.dumps([minute, {gauge.label: gauge.value for gauge in gauges}])
    with client.pipeline(transaction=True) as pipeline:
        pipeline.zremrangebyscore(_KEY, minute, minute)
        pipeline.zadd(_KEY, {sample: minute})
        pipeline.zremrangebyscore(_KEY, "-inf", minute - MINUTES)
        pipeline.expire(_KEY, MINUTES * 60)
        pipeline.execute()


def find(client: "Redis", now_minute: int) -> list[Sample]:
    """Look up the samples of the day that ends now, oldest first."""
    first = now_minute - MINUTES + 1
    found = cast("list[bytes]", client.zrange(_KEY, first, "+inf", byscore=True))
    return [Sample(*json.loads(text)) for text in found]


def find_last_minute(client: "Redis") -> int | None:
    """Look up the minute of the newest sample."""
    found = cast("list[tuple[bytes, float]]", client.zrange(_KEY, -1, -1, withscores=True))
    return int(found[0][1]) if found else None
