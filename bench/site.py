"""The servers and the relay's processes on this machine, with masks to send to."""

import base64
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psycopg

from bench.mails import NUMBERED, ordinary_mail
from tools.aws.fast_aws import Arrived, FastAws
from tools.aws.faults import TYPICAL, Faults
from tools.local.postgres import LocalPostgres
from tools.local.processes import Process
from tools.local.redis import LocalRedis
from tools.local.stack import Stack

# Settings as in production, not the short intervals of the local setup.
_SETTINGS = {
    "PROCESS_EMAIL_WAIT_SECONDS": "5",
    "PROCESS_EMAIL_VISIBILITY_SECONDS": "120",
    "PROCESS_EMAIL_HEARTBEAT_SECONDS": "30",
    "PROCESS_EMAIL_HEALTHCHECK_PATH": "",
    # Not as in production: SQS is empty when all work is done, not a minute later.
    "AWS_SES_SEND_EVENT_KEEP_SECONDS": "1",
    "MASK_MAILS_PER_DAY": "10000000",
    "MASK_BYTES_PER_DAY": "10000000000000",
    "SENDER_MAILS_PER_DAY": "10000000",
    "SENDER_BYTES_PER_DAY": "10000000000000",
}


class Site:
    """Everything on one machine. Each run starts with empty queues."""

    def __init__(self, folder: Path, owners: int = 8) -> None:
        self.folder = folder
        self.aws = FastAws(folder)
        self.redis = LocalRedis(folder)
        self.postgres = LocalPostgres(folder)
        self.stack = self._stack({})
        self.stack.manage("migrate", "--verbosity", "0")
        self.masks: list[str] = []
        for number in range(owners):
            owner = f"owner{number}@owner.example"
            self.stack.add_user(owner)
            self.masks.append(self.stack.add_mask(owner, "--address", f"mask{number}")["address"])

    def reset(self, *, has_latency: bool = False, has_events: bool = False) -> None:
        """Empty the queue, the bucket and Redis; `has_events`: SES publishes Send events."""
        self.aws.reset()
        if has_events:
            self.aws.publish_send_events()
        self.aws.keep_bodies(False)
        self.aws.set_faults(TYPICAL if has_latency else Faults())
        self.redis.restart()

    def arrived(self, number: int, size: int) -> Arrived:
        """Make `number` mails of a size, with signed envelopes, ready to be loaded."""
        raw = ordinary_mail(size)
        return self.aws.sign([((raw, [self._mask(one)]), None) for one in range(number)])

    def numbered(self, number: int) -> list[Arrived]:
        """Make `number` numbered mails of 15 KB, which `accepted_at` can tell apart."""
        return [
            self.aws.sign([((ordinary_mail(number=one), [self._mask(one)]), None)])
            for one in range(number)
        ]

    def accepted_at(self, start: int) -> dict[int, float]:
        """Return when SES accepted each numbered mail, from the sent mail `start` on."""
        sent = ((mail["at"], base64.b64decode(mail["raw"])) for mail in self.aws.accepted(start))
        return {
            int(found[1]): at for at, raw in sent if (found := re.search(NUMBERED, raw)) is not None
        }

    def start(
        self,
        *,
        workers: int,
        threads: int,
        bridges: int = 1,
        settings: Mapping[str, str] | None = None,
        has_lanes: bool = True,
    ) -> dict[str, Process]:
        """Start bridges and workers, and wait until all are ready.

        A bridge without lanes is one that takes the queue for SQS's dead-letter queue.
        """
        self.stack = self._stack(settings or {})
        replay = {"AWS_SQS_EMAIL_DLQ_URL": self.aws.queue_url}
        started = {
            f"bridge-{n}": self.stack.start_bridge()
            if has_lanes
            else self.stack.start_bridge("--queue", "dlq", **replay)
            for n in range(bridges)
        }
        started["workers"] = self.stack.start_workers(processes=workers, threads=threads)
        return started

    def stop(self) -> None:
        """Stop the relay's processes."""
        self.stack.stop()

    def servers(self) -> dict[str, int]:
        """Return the servers' process ids by name."""
        return {"aws": self.aws.pid, "redis": self.redis.pid, "postgres": self.postgres.pid}

    def wait_for_sent(self, number: int, seconds: float) -> Sequence[float]:
        """Wait until `number` mails were sent; returns their times, in seconds since the epoch."""
        deadline = time.monotonic() + seconds
        while len(sent := self.aws.statistics()["sent_at"]) < number:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(sent)} of {number} mails were sent in {seconds} s")
            time.sleep(0.25)
        return sorted(sent)

    def count_forwarded(self) -> int:
        """Count the deliveries recorded as forwarded."""
        with psycopg.connect(self.postgres.url) as connection:
            row = connection.execute("SELECT sum(forwarded)::int FROM emails_randommask").fetchone()
        return (row and row[0]) or 0

    def wait_until_empty(self, seconds: float = 60) -> None:
        """Wait until SQS is empty."""
        deadline = time.monotonic() + seconds
        while self.aws.count_left():
            if time.monotonic() > deadline:
                raise TimeoutError("the queue does not get empty")
            time.sleep(0.1)

    def close(self) -> None:
        """Stop everything."""
        self.stop()
        for server in (self.postgres, self.redis, self.aws):
            server.stop()

    def _mask(self, number: int) -> str:
        return self.masks[number % len(self.masks)]

    def _stack(self, settings: Mapping[str, str]) -> Stack:
        return Stack(
            self.folder,
            self.aws,
            redis_url=self.redis.url,
            database_url=self.postgres.url,
            **_SETTINGS | dict(settings),
        )
