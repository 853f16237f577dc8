"""Two implementations each of AWS and Redis; both must pass the same tests.

Tests that start a server are marked `servers`; `make quick` skips them.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import fakeredis
import pytest
import redis

from runtime.redis_client import connect
from tests.aws_threads import FastAwsThread, MotoThread
from tests.ledger import Ledger, a_ledger
from tests.redis_servers import BINARIES
from tools.aws.fast_aws import FastAws
from tools.local.aws import SimulatedAws
from tools.local.redis import LocalRedis

_PLAYED_BY = ("moto", "tools.aws")


@pytest.fixture(scope="session")
def aws_threads(folder: Path) -> Iterator[dict[str, SimulatedAws]]:
    """Both AWS servers, within this process."""
    folders = [folder / "moto-thread", folder / "fast-aws-thread"]
    for one in folders:
        one.mkdir()
    threads = [MotoThread(folders[0]), FastAwsThread(folders[1])]
    yield dict(zip(_PLAYED_BY, threads, strict=True))
    for thread in threads:
        thread.stop()


def calling(monkeypatch: pytest.MonkeyPatch, aws: SimulatedAws) -> SimulatedAws:
    """Let clients call this AWS; they look for it when they are first used."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint)
    return aws


@pytest.fixture(params=_PLAYED_BY)
def any_aws(request: pytest.FixtureRequest, aws_threads: dict[str, SimulatedAws]) -> SimulatedAws:
    """Each AWS in turn, with an empty queue and an empty bucket."""
    aws = aws_threads[request.param]
    aws.reset()
    return aws


@pytest.fixture
def fast_aws(aws_threads: dict[str, SimulatedAws]) -> FastAws:
    """The fast local AWS, empty and without faults."""
    aws = aws_threads["tools.aws"]
    assert isinstance(aws, FastAws)
    aws.reset()
    return aws


def moto_differs(reason: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Mark a test that moto, but not the fast AWS, must fail: moto differs from AWS there."""
    moto, fast = _PLAYED_BY
    failing = pytest.param(moto, marks=pytest.mark.xfail(strict=True, reason=reason))
    return pytest.mark.parametrize("any_aws", [failing, fast], indirect=True)


_REDIS_VERSION = (6, 2)
"""The same as the Redis that other tests start."""


REAL_REDISES = (
    pytest.param("redis", marks=pytest.mark.servers),
    *(
        pytest.param("system's redis", marks=pytest.mark.servers)
        for name in BINARIES
        if name == "system"
    ),
)
"""The system's own is of another version, where there is one."""

PLAYED_BY_REDIS = ("fakeredis", *REAL_REDISES)


@pytest.fixture(scope="session")
def system_redis_url(folder: Path) -> Iterator[str]:
    """The URL of the system's own Redis, started for the tests."""
    own = folder / "system-redis"
    own.mkdir()
    server = LocalRedis(own, binary=BINARIES["system"])
    yield server.url
    server.stop()


def an_empty_redis(played_by: str, request: pytest.FixtureRequest) -> redis.Redis:
    """Return an empty Redis: fakeredis, or a real one."""
    if played_by == "fakeredis":
        return fakeredis.FakeRedis(server=fakeredis.FakeServer(version=_REDIS_VERSION))
    fixture = "redis_url" if played_by == "redis" else "system_redis_url"
    client = connect(request.getfixturevalue(fixture))
    client.flushdb()
    return client


@pytest.fixture(params=PLAYED_BY_REDIS)
def redis_client(request: pytest.FixtureRequest) -> Iterator[redis.Redis]:
    """Each Redis in turn."""
    client = an_empty_redis(request.param, request)
    yield client
    client.close()


@pytest.fixture
def ledger(redis_client: redis.Redis) -> Ledger:
    """An empty ledger."""
    return a_ledger(redis_client)
