"""A relay on wires and servers that fail, and what each fault cost."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import redis

from emails.edges.send_notes import _SINCE_KEY, _SINCE_SECONDS
from runtime.breakers import find_all_open
from runtime.dependencies import Dependency
from tests.lab.accounts import Books
from tests.lab.lab import Lab, now
from tests.lab.wires import NONE
from tests.lab.wiring import Server, Wiring
from tests.waiting import wait_until
from tools.aws.fast_aws import FastAws
from tools.local.logs import lines
from tools.local.postgres import LocalPostgres
from tools.local.processes import Process
from tools.local.stack import Stack

RECOVERY_SECONDS = 45
"""Who goes on by itself needs less, whatever else the machine does; who waits for a claim, or until
SQS shows a message again, needs two minutes. `python -m tests.chaos --drill` measures how fast."""

_TEMPLATE, _DATABASE = "relay_template", "relay_lab"


@dataclass
class Running:
    """A lab with a running relay."""

    lab: Lab
    bridges: list[Process] = field(default_factory=list)
    workers: list[Process] = field(default_factory=list)
    _recovered_at: float = 0
    _first_line: int = 0

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

    def begin_anew(self) -> None:
        """Forget what earlier tests did to AWS and the wires, their mails, and what was logged."""
        for server in Server:
            self.lab.wiring.suffer(server, NONE)
        self.lab.aws.reset()
        self.lab.aws.publish_send_events()
        self.lab.sqs_ids.clear()
        self._first_line = len(list(lines(self.workers[-1].log)))

    def is_whole(self) -> bool:
        """Whether a test has left it as it was: nothing waits, and nothing is thought broken."""
        are_running = all(one.is_running() for one in (*self.bridges, *self.workers))
        return are_running and self.lab.left() == 0 and not self.open_breakers()

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
        wanted = {"message": message} | fields

        def is_logged() -> bool:
            new = list(lines(self.workers[-1].log))[self._first_line :]
            return any(wanted.items() <= line.items() for line in new)

        wait_until(f"workers log {wanted}", is_logged)

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


MakeLab = Callable[[Path], AbstractContextManager[Lab]]


@pytest.fixture
def make_lab(
    template: str, own_postgres: LocalPostgres, fast_aws: FastAws, redis_url: str
) -> MakeLab:
    """Makes a lab with empty servers. SES publishes Send events."""
    fast_aws.publish_send_events()
    return partial(_an_empty_lab, own_postgres, fast_aws, redis_url, template)


@dataclass
class Kept:
    """The relay that the tests of a file share, if it runs. All relays use the same servers."""

    relay: Running | None = None
    _started: ExitStack = field(default_factory=ExitStack)

    def start(self, lab: AbstractContextManager[Lab], **settings: str) -> Running:
        """Start it."""
        self.relay = Running(self._started.enter_context(lab))
        self.relay.start(**settings)
        return self.relay

    def stop(self) -> None:
        """Stop it."""
        self.relay = None
        self._started.close()


@pytest.fixture(scope="module")
def kept() -> Iterator[Kept]:
    """The relay that the tests of a file share."""
    kept = Kept()
    yield kept
    kept.stop()


@pytest.fixture
def lab(kept: Kept, make_lab: MakeLab, tmp_path: Path) -> Iterator[Lab]:
    """A lab of the test's own."""
    kept.stop()
    with make_lab(tmp_path) as lab:
        yield lab


@pytest.fixture
def relay(lab: Lab) -> Running:
    """The lab's relay, not started yet."""
    return Running(lab)


@pytest.fixture
def settings() -> dict[str, str]:
    """The settings of the shared relay."""
    return {}


@pytest.fixture
def running(
    kept: Kept, make_lab: MakeLab, tmp_path: Path, settings: dict[str, str]
) -> Iterator[Running]:
    """A relay that has forwarded mails: the last test's, unless that left it broken."""
    running = kept.relay or kept.start(make_lab(tmp_path), **settings)
    running.begin_anew()
    running.warm_up()
    yield running
    if not running.is_whole():
        kept.stop()


@contextmanager
def _an_empty_lab(
    postgres: LocalPostgres, aws: FastAws, redis_url: str, template: str, folder: Path
) -> Iterator[Lab]:
    _execute(postgres, f"DROP DATABASE IF EXISTS {_DATABASE} WITH (FORCE)")
    _execute(postgres, f"CREATE DATABASE {_DATABASE} TEMPLATE {template}")
    with _a_lab(postgres, aws, redis_url, folder, _DATABASE) as lab:
        yield lab


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
