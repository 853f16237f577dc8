"""Reads SQS's dead-letter queue, and puts messages back or deletes them.

SQS has no way to look: a message is received, and so hidden, and released after the look. One that
is put back is sent to the queue first and deleted then: killed in between, it is there twice, and
processed once.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache

from django.conf import settings

from bridge.ledger.dead_letters import DeadLetters
from bridge.messages import Handle
from bridge.ports import Queue
from bridge.sns import signature
from bridge.sns.certificates import certificates_of
from bridge.sns.envelope import Envelope
from bridge.sqs import SqsQueue
from emails.flow.settled import find_is_settled
from emails.wiring import policy_of
from relay.config import RelayConfig
from relay.operations.dead_letters.filters import QUEUES
from relay.operations.fail_fast import fail_fast_redis
from relay.operations.sqs_dead_letters.judge import Found, Judge

HIDDEN_SECONDS = 300
WAIT_SECONDS = 1
_BATCH = 10


class Result(StrEnum):
    """What became of a message."""

    REDRIVEN = "redriven"
    DELETED = "deleted"
    FAILED = "failed"


def connect(url: str, config: RelayConfig) -> SqsQueue:
    """Connect to a queue. Raises `QueueUnusable`."""
    return SqsQueue(url, config.region, WAIT_SECONDS, HIDDEN_SECONDS)


@contextmanager
def looking_at(dead_letters: Queue, judge: Judge, limit: int) -> Iterator[Iterator[Found]]:
    """Look at up to `limit` messages; those that were not deleted are released at the end.

    Raises `QueueUnavailable`, `QueueUnusable`, and what the judge raises.
    """
    seen: list[Handle] = []
    try:
        yield _receive_all(dead_letters, judge, limit, seen)
    finally:
        dead_letters.change_visibility(seen, 0)


def redrive(dead_letters: Queue, queue: Queue, found: Found) -> Result:
    """Put a message back into the queue."""
    if queue.send([found.message]):
        return Result.FAILED
    delete(dead_letters, found)
    return Result.REDRIVEN


def delete(dead_letters: Queue, found: Found) -> Result:
    """Delete a message."""
    failed = dead_letters.delete([found.message.handle])
    return Result.FAILED if failed else Result.DELETED


def _receive_all(
    dead_letters: Queue, judge: Judge, limit: int, seen: list[Handle]
) -> Iterator[Found]:
    ids: set[str] = set()
    while len(ids) < limit:
        messages = dead_letters.receive(min(_BATCH, limit - len(ids)))
        seen += [message.handle for message in messages]
        fresh = [message for message in messages if message.message_id not in ids]
        if not fresh:
            return
        ids |= {message.message_id for message in fresh}
        yield from map(judge.judge, fresh)


def make_judge(config: RelayConfig) -> Judge:
    """Make the judge by the settings. Opens no connection."""
    policy = policy_of(config)
    return Judge(
        authenticate=_authenticate(config),
        find_dead_letter=_find_reason,
        is_settled=lambda received, sns_id: find_is_settled(received, sns_id, policy),
    )


def _authenticate(config: RelayConfig) -> Callable[[str], Envelope]:
    certificates = certificates_of(config.certificate_folder)

    def authenticate(body: str) -> Envelope:
        return signature.prove_origin(
            body,
            topics=frozenset(config.topics),
            versions=frozenset(config.signature_versions),
            certificate_at=certificates.get,
            now=datetime.now(UTC),
        )

    return authenticate


def _find_reason(sqs_message_id: str) -> str | None:
    store = _dead_letters()
    found = store.find_id_of(sqs_message_id)
    place = store.find(QUEUES, found) if found else None
    return store.reasons([place])[0] if place else None


@cache
def _dead_letters() -> DeadLetters:
    config = settings.CONFIG
    return DeadLetters(fail_fast_redis(config.redis_url), config.max_lifetime_seconds)
