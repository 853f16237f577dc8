"""The bookkeeping, in a real Redis that is empty."""

import pytest
import redis

from bridge.inflight import InFlight


@pytest.fixture
def client(redis_url: str) -> redis.Redis:
    client = redis.Redis.from_url(redis_url)
    client.flushdb()
    return client


@pytest.fixture
def in_flight(client: redis.Redis) -> InFlight:
    return InFlight(client, lifetime_seconds=60)
