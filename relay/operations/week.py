"""The last seven days in Redis, one sample for each ten minutes: for the dashboard's charts.

    relay:week   sorted set: samples as JSON, by their first minute

A sample has the highest value of each gauge, since peaks are what matters, and the sum of each
count. It is made of the day's samples and counts, once its ten minutes are over; the week's 1,008
take some 2 MB, and are lost with Redis.
"""

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from relay.operations import history
from runtime.tally import find_counts

if TYPE_CHECKING:
    from redis import Redis

STEP = 10
"""How many minutes a sample is of."""

SAMPLES = 7 * 24 * 60 // STEP
"""The most that are kept."""

_KEY = "relay:week"


@dataclass(frozen=True, slots=True)
class Sample:
    """Ten minutes from `minute` (since 1970) on: the most of each gauge, the sum of each count."""

    minute: int
    gauges: dict[str, float]
    counts: dict[str, int]


def minutes_before(now_minute: int) -> range:
    """Return the first minute of each sample of the week that ends now; the last one is over."""
    end = now_minute // STEP * STEP
    return range(end - SAMPLES * STEP, end, STEP)


def record(client: "Redis", now_minute: int) -> None:
    """Store the last ten minutes that are over, unless they are there. Costs little if they are."""
    first = minutes_before(now_minute)[-1]
    if client.zcount(_KEY, first, first):
        return
    minutes = range(first, first + STEP)
    gauges: dict[str, float] = {}
    for sample in history.find_of(client, minutes):
        for label, value in sample.values.items():
            gauges[label] = max(value, gauges.get(label, value))
    counts: Counter[str] = Counter()
    for counted in find_counts(client, minutes):
        counts.update(counted)
    with client.pipeline(transaction=True) as pipeline:
        pipeline.zremrangebyscore(_KEY, first, first)
        pipeline.zadd(_KEY, {json.dumps([first, gauges, counts]): first})
        pipeline.zremrangebyscore(_KEY, "-inf", first - SAMPLES * STEP)
        pipeline.expire(_KEY, SAMPLES * STEP * 60)
        pipeline.execute()


def find(client: "Redis", minutes: range) -> list[Sample]:
    """Find the samples of a week, oldest first."""
    found = cast("list[bytes]", client.zrange(_KEY, minutes[0], minutes[-1], byscore=True))
    return [Sample(*json.loads(text)) for text in found]
