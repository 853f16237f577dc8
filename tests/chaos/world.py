"""The servers that the relay depends on, with fault injection."""

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import redis

from tools.aws.fast_aws import FastAws
from tools.aws.faults import Faults, Outage, ServiceFaults
from tools.local.postgres import LocalPostgres
from tools.local.redis import LocalRedis
from tools.local.stack import Stack

OWNER = "owner@owner.example"
MASKS = tuple(f"mask{number}@masks.example" for number in range(6))
OUTAGE_SECONDS = 3.0

_ERRORS: dict[str, Any] = {"throttled": 0.02, "failed": 0.02, "unconfirmed": 0.005, "cut": 0.005}
_SES_ERRORS: dict[str, Any] = {"failed": 0.015, "unconfirmed": 0.005, "cut": 0.005}
_DOWN = {
    "s3": ServiceFaults(outage=Outage.ERRORS),
    "sqs": ServiceFaults(outage=Outage.ERRORS),
    "ses": ServiceFaults(throttled=1),
}
_MANY_RECEIVES = 10_000

_SETTINGS = {
    "PROCESS_EMAIL_VISIBILITY_SECONDS": "6",
    "PROCESS_EMAIL_HEARTBEAT_SECONDS": "2",
    "PROCESS_EMAIL_MAX_SECONDS_PER_MESSAGE": "8",
    "PROCESS_EMAIL_MAX_DELIVERIES": "20",
    "PROCESS_EMAIL_MAX_RETRIES": "50",
    # Events come through SQS, which is down for a while, and through bridges that are killed.
    "AWS_SES_SEND_EVENT_WAIT_SECONDS": "30",
}


def everyday(seed: int) -> Faults:
    """Background faults: 5 % of requests fail, and 10 % of deliveries are repeated.

    SES, too, reports failure for mails that it accepted, or says nothing: its events tell.
    """
    return Faults(
        sqs=ServiceFaults(latency_ms=10, jitter_ms=5, **_ERRORS),
        s3=ServiceFaults(latency_ms=30, jitter_ms=15, **_ERRORS),
        ses=ServiceFaults(latency_ms=80, jitter_ms=40, throttled=0.025, **_SES_ERRORS),
        duplicated=0.1,
        undeleted=0.01,
        seed=seed,
    )


class World:
    """Redis, PostgreSQL and AWS, with background faults drawn from the seed."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.aws = FastAws(folder)
        self.aws.publish_send_events()
        self.redis = LocalRedis(folder)
        self.postgres = LocalPostgres(folder)
        self.stack = Stack(
            folder,
            self.aws,
            redis_url=self.redis.url,
            database_url=self.postgres.url,
            **_SETTINGS,
        )
        self._everyday = everyday(seed)
        self._lock = threading.Lock()
        self._down: set[str] = set()

    def set_up(self) -> None:
        """Create tables, an owner with masks, and a queue that practically never dead-letters."""
        self.stack.manage("migrate", "--verbosity", "0")
        self.stack.add_user(OWNER)
        for mask in MASKS:
            self.stack.add_mask(OWNER, "--address", mask)
        policy = {
            "deadLetterTargetArn": self.aws.sqs.get_queue_attributes(
                QueueUrl=self.aws.dead_letter_queue_url, AttributeNames=["QueueArn"]
            )["Attributes"]["QueueArn"],
            "maxReceiveCount": _MANY_RECEIVES,
        }
        self.aws.sqs.set_queue_attributes(
            QueueUrl=self.aws.queue_url, Attributes={"RedrivePolicy": json.dumps(policy)}
        )
        self.aws.set_faults(self._everyday)

    def wipe_redis(self) -> None:
        """Flush Redis; connections stay open."""
        redis.Redis.from_url(self.redis.url).flushall()

    def take_down(self, service: str) -> None:
        """Take an AWS service down for `OUTAGE_SECONDS`."""
        self._change(service, is_down=True)
        threading.Timer(OUTAGE_SECONDS, self._change, (service,), {"is_down": False}).start()

    def end_faults(self) -> None:
        """End all faults."""
        self.aws.set_faults(Faults())

    def deliveries(self) -> dict[str, tuple[str, str]]:
        """Return the state and outcome of each delivery, by SNS message id."""
        with psycopg.connect(self.postgres.url) as connection:
            rows = connection.execute(
                "SELECT sns_message_id, state, outcome FROM emails_delivery"
            ).fetchall()
        return {name: (state, outcome) for name, state, outcome in rows}

    def stop(self) -> None:
        """Stop the servers."""
        for server in (self.postgres, self.redis, self.aws):
            server.stop()

    def _change(self, service: str, *, is_down: bool) -> None:
        with self._lock:
            (self._down.add if is_down else self._down.discard)(service)
            changes: dict[str, Any] = {name: _DOWN[name] for name in self._down}
            self.aws.set_faults(replace(self._everyday, **changes))
