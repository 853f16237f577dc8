"""Bridge and worker processes on real servers, which are emptied for each test."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import redis

from runtime.redis_client import connect
from tests.gate import Gate
from tests.waiting import wait_until
from tools.local.aws import LocalAws
from tools.local.logs import lines
from tools.local.processes import Process
from tools.local.stack import Stack

OWNER = "owner@owner.example"
MASK = "x7k2@masks.example"
MAIL = (
    b"From: Ann Sender <ann@sender.example>\r\nTo: x7k2@masks.example\r\n"
    b"Subject: the subject is swordfish\r\nMessage-ID: <1@sender.example>\r\n\r\n"
    b"the body is swordfish, too\r\n"
)

_DATABASE = "relay_processes"

EMPTY = (
    "TRUNCATE emails_delivery, emails_reply, emails_abusecounter, emails_heldmail,"
    " emails_mailboxbreaker, emails_helddigest, emails_blockedsender, emails_sendercounter,"
    " emails_abusepause"
)
"""Empties the tables that mails leave rows in."""


@pytest.fixture(scope="session")
def process_database_url(database_url: str) -> str:
    """The processes' database, separate from that of tests within this process."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {_DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {_DATABASE}")
    return urlunsplit(urlsplit(database_url)._replace(path=f"/{_DATABASE}"))


@dataclass
class Relay:
    """A relay under test."""

    stack: Stack
    aws: LocalAws
    redis: redis.Redis
    gate: Gate

    def deliver(self, raw: bytes = MAIL, to: tuple[str, ...] = (MASK,), **verdicts: str) -> str:
        """Let SES receive a mail; return its SQS message id."""
        return self.aws.deliver(raw, to, **verdicts)

    def wait_for_sent(self, number: int, seconds: float = 40) -> None:
        """Wait until SES accepted `number` mails."""
        wait_until(f"{number} mails sent", lambda: len(self.aws.sent()) >= number, seconds)

    def wait_for_empty_queue(self, seconds: float = 30) -> None:
        """Wait until the queue is empty, hidden messages included."""
        wait_until("an empty queue", lambda: self.queued() == 0, seconds)

    def queued(self) -> int:
        """Return the number of messages in the queue."""
        return self.aws.count(self.aws.queue_url)


@pytest.fixture
def client(redis_url: str) -> redis.Redis:
    """An empty Redis. (In tests of pages, `client` is Django's test client instead.)"""
    client = connect(redis_url)
    client.flushdb()
    return client


@pytest.fixture(scope="session")
def migrated(process_database_url: str, redis_url: str, aws_server: LocalAws, folder: Path) -> str:
    """The processes' database, with tables, an owner and a mask."""
    with Stack(folder, aws_server, redis_url=redis_url, database_url=process_database_url) as stack:
        stack.manage_all(
            ("migrate", "--verbosity", "0"),
            ("add_user", OWNER),
            ("add_mask", OWNER, "--address", MASK.split("@")[0]),
        )
    return process_database_url


@pytest.fixture
def relay(migrated: str, redis_url: str, aws: LocalAws, tmp_path: Path) -> Iterator[Relay]:
    """A relay, processes not started yet. S3 and SES are behind its gate."""
    client = redis.Redis.from_url(redis_url)
    client.flushdb()
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute(EMPTY)
        connection.execute(
            "UPDATE emails_profile SET flagged_at = NULL, first_replied_at = NULL,"
            " blocks_spam = false, blocks_senders = false, is_premium = false"
        )
        connection.execute("UPDATE emails_randommask SET counted_on = NULL")
    gate = Gate(aws.endpoint)
    with Stack(
        tmp_path,
        aws,
        redis_url=redis_url,
        database_url=migrated,
        AWS_ENDPOINT_URL_S3=gate.url,
        AWS_ENDPOINT_URL_SESV2=gate.url,
    ) as stack:
        yield Relay(stack, aws, client, gate)
        gate.open()
    gate.close()


def logged(process: Process, message: str, **fields: object) -> list[dict[str, object]]:
    """Return the lines of a process's log with this message and these fields."""
    return [
        line
        for line in lines(process.log)
        if line["message"] == message and fields.items() <= line.items()
    ]


def wait_for_log(process: Process, message: str, **fields: object) -> dict[str, object]:
    """Wait for such a line; return the first."""
    found = functools.partial(logged, process, message, **fields)
    return wait_until(f"{process.name} logs {message!r} {fields}", found)[0]


def children(process: Process) -> list[int]:
    """List the direct children of a process."""
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(pid) for pid in listed.split()]
