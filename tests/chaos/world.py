"""The servers that the relay depends on, and everyday faults of AWS, drawn from the seed."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import redis

from tests.lab.credentials import CredentialsEndpoint
from tests.lab.lab import Lab
from tests.lab.wiring import Wiring
from tests.waiting import wait_until
from tools.aws.fast_aws import FastAws
from tools.aws.faults import Faults, ServiceFaults
from tools.local.aws import REGION
from tools.local.postgres import LocalPostgres
from tools.local.redis import LocalRedis
from tools.local.signing import Signer
from tools.local.stack import Stack

_SES_ERRORS: dict[str, Any] = {"failed": 0.015, "unconfirmed": 0.005, "cut": 0.005}
_ERRORS: dict[str, Any] = {"throttled": 0.02, "failed": 0.02, "unconfirmed": 0.005, "cut": 0.005}
_MANY_RECEIVES = 10_000

MASK_MAILS_PER_DAY = 2_500

SETTINGS = {
    "PROCESS_EMAIL_VISIBILITY_SECONDS": "6",
    "PROCESS_EMAIL_HEARTBEAT_SECONDS": "2",
    "PROCESS_EMAIL_MAX_SECONDS_PER_MESSAGE": "8",
    "PROCESS_EMAIL_MAX_DELIVERIES": "6",
    "PROCESS_EMAIL_MAX_RETRIES": "50",
    # As in production: the local setup's second would let a wiped Redis double mails.
    "AWS_SES_SEND_EVENT_KEEP_SECONDS": "60",
    "MAILBOX_PROBE_AFTER_SECONDS": "1,1,2",
    "MAILBOX_PROBE_WAIT_SECONDS": "2",
    # Of the masks, only the flooded one gets there (`Players`).
    "MASK_MAILS_PER_DAY": str(MASK_MAILS_PER_DAY),
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
    """Redis, PostgreSQL and AWS, wired to the processes."""

    def __init__(
        self,
        folder: Path,
        everyday: Faults,
        *,
        has_events: bool,
        settings: Mapping[str, str] = SETTINGS,
    ) -> None:
        self._folder = folder
        self.aws = FastAws(folder)
        if has_events:
            self.aws.publish_send_events()
        self.aws.use_overflow()
        self.credentials = CredentialsEndpoint()
        self._redises: list[LocalRedis] = []
        self.redis = self._start_redis()
        self.postgres = LocalPostgres(folder)
        self.wiring = Wiring(self.aws, self.redis.url, self.postgres, "postgres")
        self.stack = Stack(
            folder,
            self.aws,
            redis_url=self.redis.url,
            database_url=self.postgres.url,
            **settings,
        )
        self.lab = Lab(self.aws, self.redis.url, self.postgres, self.stack, self.wiring, everyday)
        self._lock = threading.Lock()
        self._wrong: dict[str, dict[str, Any]] = {}

    def set_up(self, max_receives: int = _MANY_RECEIVES) -> None:
        """Create tables, an owner with masks, and a queue that practically never dead-letters."""
        self.lab.migrate()
        self.aws.set_max_receives(max_receives)
        self.lab.suffer()

    def client(self) -> "redis.Redis":
        """Return a client of the present Redis, past the wires."""
        return redis.Redis.from_url(self.redis.url)

    def fail_over_redis(self) -> None:
        """Make the primary a replica of a new one with its data. Open connections stay with it."""
        old, new = self.redis, self._start_redis()
        with redis.Redis.from_url(new.url) as replica, redis.Redis.from_url(old.url) as demoted:
            replica.replicaof("127.0.0.1", str(old.port))
            wait_until("a synchronised replica", lambda: _is_synchronised(replica))
            replica.replicaof("NO", "ONE")
            demoted.replicaof("127.0.0.1", str(new.port))
        self.redis, self.lab.redis_url = new, new.url
        self.stack.environ["REDIS_URL"] = new.url
        self.wiring.redis_is_at(new.port)

    def sign_anew(self) -> Callable[[], object]:
        """Sign with a certificate that isn't published; returns how to publish it."""
        self.aws.signer = Signer.generate(REGION)
        signer = self.aws.signer
        return lambda: signer.write_certificate(self.aws.certificates)

    def trouble_aws(self, why: str, changes: dict[str, Any]) -> Callable[[], object]:
        """Change AWS's faults: a service's in part, or another; returns how to undo it."""
        with self._lock:
            self._wrong[why] = changes
            self._set_faults()

        def undo() -> None:
            with self._lock:
                self._wrong.pop(why, None)
                self._set_faults()

        return undo

    def stop(self) -> None:
        """Stop the servers."""
        self.wiring.close()
        self.credentials.close()
        self.postgres.stop()
        for one in self._redises:
            one.stop()
        self.aws.stop()

    def _set_faults(self) -> None:
        found = self.lab.everyday
        for changes in self._wrong.values():
            whole = {
                name: replace(getattr(found, name), **change)
                if isinstance(change, dict)
                else change
                for name, change in changes.items()
            }
            found = replace(found, **whole)
        self.aws.set_faults(found)

    def _start_redis(self) -> LocalRedis:
        own = self._folder / f"redis-{len(self._redises)}"
        own.mkdir()
        # Snapshots, some seconds old: what a killed Redis comes back with.
        started = LocalRedis(own, "--repl-diskless-sync-delay", "0", "--save", "5 1")
        self._redises.append(started)
        return started


def _is_synchronised(replica: "redis.Redis") -> bool:
    found: dict[str, object] = replica.info("replication")
    return found["master_link_status"] == "up"
