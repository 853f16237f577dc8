"""A relay on wires and servers that fail, and what each fault cost."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import redis

from emails.edges.send_notes import _SINCE_KEY, _SINCE_SECONDS
from runtime.breakers import find_all_open
from runtime.dependencies import Dependency
from tests.integration.conftest import wait_for_log
from tests.lab.accounts import Books
from tests.lab.lab import Lab, now
from tests.lab.wiring import Wiring
from tests.waiting import wait_until
from tools.aws.fast_aws import FastAws
from tools.local.postgres import LocalPostgres
from tools.local.processes import Process
from tools.local.stack import Stack

RECOVERY_SECONDS = 10
"""How soon the relay is back at full speed after a recovery, as docs/delivery.md promises."""

_TEMPLATE, _DATABASE = "relay_template", "relay_lab"


@dataclass
class Running:
    """A lab with a running relay."""

    lab: Lab
    bridges: list[Process] = field(default_factory=list)
    workers: list[Process] = field(default_factory=list)
    _recovered_at: float = 0

    def start(self, **settings: str) -> None:
        """Start one bridge and one process of workers."""
        self.start_bridge(**settings)
        self.start_workers(**settings)

    def start_bridge(self, **settings: str) -> None:
        """Start one more bridge."""
        wires = self.lab.wiring.settings("bridge")
        self.bridges.append(self.lab.stack.start_bridge(**wires, **settings))

    def start_workers(self, **settings: str) -> None:
        """Start one more process of workers."""
        wires = self.lab.wiring.settings("workers")
        # A claim of a worker that failed must not outlive the test.
        limit = {"PROCESS_EMAIL_MAX_SECONDS_PER_MESSAGE": "8"}
        chosen: dict[str, Any] = wires | limit | settings
        self.workers.append(self.lab.stack.start_workers(**chosen))

    def warm_up(self) -> None:
        """Forward some mails, so that a fault meets a relay that works."""
        self.lab.deliver(6)
        self.wait_until_settled()

    def age_redis(self) -> None:
        """Let Redis know all of the last hour: soon after a wipe, doubts wait for events longer."""
        client = redis.Redis.from_url(self.lab.redis_url)
        server = client.info("server")["run_id"]
        client.set(_SINCE_KEY, server, ex=_SINCE_SECONDS - 3600)

    def wait_for_open(self, dependency: Dependency) -> None:
        """Wait until this breaker is open."""
        wait_until(f"the breaker {dependency} opens", lambda: dependency in self.open_breakers())

    def open_breakers(self) -> list[Dependency]:
        """Return the open breakers."""
        client = redis.Redis.from_url(self.lab.redis_url)
        return [one.dependency for one in find_all_open(client)]

    def recovered(self) -> None:
        """Note that everything works again from now on."""
        self._recovered_at = now()

    def wait_until_settled(self, seconds: float = 60) -> None:
        """Wait until SQS has no message left."""
        wait_until("an empty queue", lambda: self.lab.left() == 0, seconds)

    def seconds_to_send_the_rest(self, but: int = 0) -> float:
        """Return how long after the recovery SES accepted the last mail, `but` a few later ones."""
        return self.books().sent_at[-1 - but] - self._recovered_at

    def wait_for_workers_log(self, message: str, **fields: object) -> None:
        """Wait for a line of the workers' log."""
        wait_for_log(self.workers[-1], message, **fields)

    def books(self) -> Books:
        """Account for every mail."""
        return self.lab.books(self.bridges)


@pytest.fixture(scope="session")
def own_postgres(folder: Path) -> Iterator[LocalPostgres]:
    """A PostgreSQL that these tests may stop."""
    own = folder / "faults"
    own.mkdir()
    own.chmod(0o755)
    postgres = LocalPostgres(own)
    yield postgres
    postgres.stop()


@pytest.fixture(scope="session")
def template(
    own_postgres: LocalPostgres, fast_aws_server: FastAws, redis_url: str, folder: Path
) -> str:
    """The name of a database with tables, an owner and masks."""
    _execute(own_postgres, f"CREATE DATABASE {_TEMPLATE}")
    with _a_lab(own_postgres, fast_aws_server, redis_url, folder, _TEMPLATE) as lab:
        lab.migrate()
    return _TEMPLATE


@pytest.fixture
def lab(
    template: str, own_postgres: LocalPostgres, fast_aws: FastAws, redis_url: str, tmp_path: Path
) -> Iterator[Lab]:
    """A lab with empty servers. SES publishes Send events."""
    fast_aws.publish_send_events()
    _execute(own_postgres, f"DROP DATABASE IF EXISTS {_DATABASE} WITH (FORCE)")
    _execute(own_postgres, f"CREATE DATABASE {_DATABASE} TEMPLATE {template}")
    with _a_lab(own_postgres, fast_aws, redis_url, tmp_path, _DATABASE) as lab:
        yield lab


@pytest.fixture
def relay(lab: Lab) -> Running:
    """The lab's relay, not started yet."""
    return Running(lab)


@contextmanager
def _a_lab(
    postgres: LocalPostgres, aws: FastAws, redis_url: str, folder: Path, database: str
) -> Iterator[Lab]:
    redis.Redis.from_url(redis_url).flushdb()
    url = urlunsplit(urlsplit(postgres.url)._replace(path=f"/{database}"))
    wiring = Wiring(aws, redis_url, postgres, database)
    with Stack(folder, aws, redis_url=redis_url, database_url=url) as stack:
        yield Lab(aws, redis_url, postgres, stack, wiring)
    wiring.close()


def _execute(postgres: LocalPostgres, statement: str) -> None:
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(statement.encode())
