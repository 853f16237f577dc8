"""Real servers for the tests: started on first use, stopped at the end."""

import gc
import os
import sys
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import environ
import pytest
from django.test import override_settings
from hypothesis import HealthCheck, settings

from runtime import message_context
from tests import order
from tests.environment import GIVEN
from tests.preloaded import Nursery
from tools.aws.fast_aws import FastAws
from tools.local import processes
from tools.local.aws import LocalAws
from tools.local.postgres import LocalPostgres
from tools.local.redis import LocalRedis

# No deadline: how long an example takes depends on the load of the machine.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")
# `make fuzz` tries thousands of examples, new ones in each round.
settings.register_profile(
    "fuzz",
    settings.get_profile("tests"),
    max_examples=2_000,
    suppress_health_check=list(HealthCheck),
)


def pytest_xdist_auto_num_workers() -> int:
    """Return the number of test processes for `make test`: three a core, since many tests wait.

    Each starts its own servers. With servers given from outside, which tests wipe, only this one
    process may run.
    """
    return 0 if any(GIVEN.values()) else 3 * len(os.sched_getaffinity(0))


if sys.platform == "linux":
    processes.launcher = Nursery().launch

_SERVERS = frozenset({"redis_url", "database_url", "aws_server", "fast_aws_server"})
"""The fixtures that start a server."""


def pytest_sessionstart() -> None:
    """Collect tests without looking for garbage: there is none, and much to look through."""
    gc.disable()


def pytest_collection_finish() -> None:
    """From now on only look through what the tests themselves make."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None]:
    """Mark tests that start a server, and put the longest files first.

    `make quick` skips the marked ones. A fixture that starts a server only for some parameters
    marks those itself. One process alone keeps the order of the folders.
    """
    for item in items:
        needs_database = item.get_closest_marker("django_db") is not None
        if needs_database or not _SERVERS.isdisjoint(order.fixtures(item)):
            item.add_marker(pytest.mark.servers)
    yield
    if hasattr(config, "workerinput"):  # one of pytest-xdist's processes
        items[:] = order.longest_first(items)


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Hash passwords fast: how Django does it by default takes half a second, on purpose."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder for the servers' files. PostgreSQL's user has no access to pytest's own."""
    with tempfile.TemporaryDirectory(prefix="relay-tests-") as name:
        yield Path(name)


@pytest.fixture(scope="session")
def local_redis(folder: Path) -> Iterator[LocalRedis]:
    """A Redis that a test may restart."""
    redis = LocalRedis(folder)
    yield redis
    redis.stop()


@pytest.fixture(scope="session")
def redis_url(request: pytest.FixtureRequest) -> str:
    """A Redis that a test may wipe: the one in REDIS_URL, or our own."""
    if GIVEN["REDIS_URL"]:
        return GIVEN["REDIS_URL"]
    url: str = request.getfixturevalue("local_redis").url
    return url


@pytest.fixture(scope="session")
def database_url(folder: Path) -> Iterator[str]:
    """A PostgreSQL in which tests create databases: the one in DATABASE_URL, or our own."""
    if GIVEN["DATABASE_URL"]:
        yield GIVEN["DATABASE_URL"]
        return
    postgres = LocalPostgres(folder)
    yield postgres.url
    postgres.stop()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(database_url: str) -> None:
    """Point Django at the tests' PostgreSQL, where pytest-django creates its database."""
    from django.db import connections

    settings: dict[str, Any] = connections["default"].settings_dict
    found = environ.Env.db_url_config(database_url)
    settings.update({name: found.get(name, "") for name in ("NAME", "USER", "PASSWORD", "HOST")})
    settings["PORT"] = found.get("PORT", "")
    settings["OPTIONS"] |= found.get("OPTIONS", {})


@pytest.fixture(scope="session")
def aws_server(folder: Path) -> Iterator[LocalAws]:
    """moto's server."""
    aws = LocalAws(folder)
    yield aws
    aws.stop()


@pytest.fixture
def aws(aws_server: LocalAws) -> LocalAws:
    """A local AWS with empty queues and an empty bucket."""
    aws_server.reset()
    return aws_server


@pytest.fixture(scope="session")
def fast_aws_server(folder: Path) -> Iterator[FastAws]:
    """The fast local AWS."""
    own = folder / "fast-aws"
    own.mkdir()
    aws = FastAws(own)
    yield aws
    aws.stop()


@pytest.fixture
def fast_aws(fast_aws_server: FastAws) -> FastAws:
    """The fast local AWS, empty and without faults."""
    fast_aws_server.reset()
    return fast_aws_server


@pytest.fixture(autouse=True)
def no_message_goes_on() -> Iterator[None]:
    """Let no test work on the message of the one before it: they share a thread."""
    yield
    message_context.end()
