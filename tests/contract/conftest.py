"""The stand-ins and their twins, for cases that both must pass: AWS, and Redis.

Whatever starts a server is marked `servers`, and is not in `make quick`.
"""

from collections.abc import Callable, Iterator

import fakeredis
import pytest
import redis

from bridge.ledger.in_flight import InFlight
from runtime.redis_client import connect
from tools.local.aws import SimulatedAws

_PLAYED_BY = ("moto", "tools.aws")


@pytest.fixture(params=_PLAYED_BY)
def any_aws(request: pytest.FixtureRequest) -> SimulatedAws:
    """Each of the two, in turn."""
    aws: SimulatedAws = request.getfixturevalue("aws" if request.param == "moto" else "fast_aws")
    return aws


def moto_differs(reason: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Mark a case in which moto, and not the fast AWS, does other than AWS; it is held to that."""
    moto, fast = _PLAYED_BY
    failing = pytest.param(moto, marks=pytest.mark.xfail(strict=True, reason=reason))
    return pytest.mark.parametrize("any_aws", [failing, fast], indirect=True)


_REDIS_VERSION = (6, 2)
"""That of the Redis which the other tests start."""


@pytest.fixture(params=["fakeredis", pytest.param("redis", marks=pytest.mark.servers)])
def redis_client(request: pytest.FixtureRequest) -> Iterator[redis.Redis]:
    """An empty Redis: one within this process, and a real one."""
    if request.param == "fakeredis":
        server = fakeredis.FakeServer(version=_REDIS_VERSION)
        yield fakeredis.FakeRedis(server=server)
        return
    client = connect(request.getfixturevalue("redis_url"))
    client.flushdb()
    yield client
    client.close()


@pytest.fixture
def in_flight(redis_client: redis.Redis) -> InFlight:
    """The bookkeeping, empty; what it keeps lives for a minute."""
    return InFlight(redis_client, lifetime_seconds=60)
