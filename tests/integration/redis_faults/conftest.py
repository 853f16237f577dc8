"""A relay whose Redis has faults, on a fast AWS."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import redis

from tests.integration import conftest
from tests.integration.conftest import EMPTY, MAIL, MASK
from tests.redis_servers import FailingOver
from tests.waiting import wait_until
from tools.aws.fast_aws import FastAws
from tools.local.processes import Process
from tools.local.stack import Stack


@dataclass
class FaultyRelay:
    """A relay under test, processes not started yet."""

    stack: Stack
    aws: FastAws
    servers: FailingOver

    @property
    def redis(self) -> redis.Redis:
        """A client of the present primary, past its address."""
        return redis.Redis.from_url(self.servers.primary.url)

    def deliver(self, number: int, mail: bytes = MAIL) -> list[str]:
        """Let SES receive mails; returns their SQS message ids."""
        return self.aws.deliver_many([(mail, (MASK,))] * number)

    def sent(self) -> int:
        """Return how many mails SES accepted."""
        return len(self.aws.accepted())

    def wait_for_sent(self, number: int, seconds: float = 40) -> None:
        """Wait until SES accepted `number` mails."""
        wait_until(f"{number} mails sent", lambda: self.sent() >= number, seconds)

    def wait_for_empty_queue(self, seconds: float = 30) -> None:
        """Wait until the queue is empty, hidden messages included."""
        wait_until("an empty queue", lambda: self.aws.count(self.aws.queue_url) == 0, seconds)

    def wait_for_log(self, process: Process, message: str, **fields: object) -> None:
        """Wait for a line of a process's log."""
        conftest.wait_for_log(process, message, **fields)

    def allow_receives(self, number: int) -> None:
        """Move a message that SQS delivers once more than that to its dead-letter queue."""
        self.aws.set_max_receives(number)

    def dead_letters(self) -> int:
        """Return the number of dead letters in Redis."""
        return int(self.redis.zcard("relay:inbound.XQ"))

    def in_sqs(self) -> int:
        """Return the number of messages in both of SQS's queues."""
        return self.aws.count(self.aws.queue_url) + self.in_sqs_dead_letter_queue()

    def in_sqs_dead_letter_queue(self) -> int:
        """Return the number of messages in SQS's own dead-letter queue."""
        return self.aws.count(self.aws.dead_letter_queue_url)


@pytest.fixture
def relay(migrated: str, fast_aws: FastAws, tmp_path: Path) -> Iterator[FaultyRelay]:
    """A relay on its own Redis, which can fail over."""
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute(EMPTY)
    servers = FailingOver(tmp_path)
    with Stack(tmp_path, fast_aws, redis_url=servers.url, database_url=migrated) as stack:
        yield FaultyRelay(stack, fast_aws, servers)
    servers.stop()
