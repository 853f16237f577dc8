"""Lets messages that wait for their next attempt run at once, for the command and the page.

Only what waits for a time: while a circuit breaker is open, an attempt would only wait again.
"""

import json
import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from django.conf import settings

from bridge.ledger.retries import RunNow, Stored, find_delayed, run_now
from emails.wire import SQS_MESSAGE_ID
from relay.needs import NEEDED
from relay.operations.dead_letters.filters import QUEUES
from relay.operations.fail_fast import fail_fast_redis
from relay.operations.stored import as_id, message_of
from runtime.breakers import find_all_open
from runtime.dependencies import Dependency

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)


class Result(StrEnum):
    """What became of the wish to try a message now."""

    NOW = "runs now"
    NOT_DELAYED = "is not waiting for a time"
    BREAKER = "waits for a circuit breaker"


@dataclass(frozen=True, slots=True)
class Tried:
    """A message's id as it is listed, and the result."""

    id: str
    result: Result


def try_now(ids: Iterable[str]) -> list[Tried]:
    """Let each of these run at once, if it waits for its time. Errors of Redis pass through."""
    client = fail_fast_redis(settings.CONFIG.redis_url)
    is_open = {one.dependency for one in find_all_open(client)}
    delayed = {_id_of(one): one for one in find_delayed(client, QUEUES)}
    tried = [Tried(one, _try(client, delayed.get(one), is_open)) for one in dict.fromkeys(ids)]
    for one in tried:
        logger.info(
            "retry asked for", extra={"sqs_message_id": one.id, "result": one.result.name.lower()}
        )
    return tried


def _try(client: "Redis", stored: Stored | None, is_open: set[Dependency]) -> Result:
    made = _run_of(stored) if stored is not None else None
    if made is None:
        return Result.NOT_DELAYED
    if is_open & NEEDED.get(made.queue, frozenset()):
        return Result.BREAKER
    return Result.NOW if run_now(client, made) else Result.NOT_DELAYED


def _run_of(stored: Stored) -> RunNow | None:
    message = message_of(stored.message)
    if message is None:
        return None
    new_id = str(uuid.uuid4())
    options = {name: value for name, value in message["options"].items() if name != "eta"}
    encoded = json.dumps(
        {
            **message,
            "queue_name": stored.queue,
            "options": options | {"redis_message_id": new_id},
        },
        separators=(",", ":"),
    )
    sqs_id = str(options.get(SQS_MESSAGE_ID, ""))
    return RunNow(stored.entry_id, stored.queue, new_id, encoded.encode(), sqs_id)


def _id_of(stored: Stored) -> str:
    message = message_of(stored.message)
    if message is None:
        return ""
    return as_id(message["options"].get(SQS_MESSAGE_ID) or message["message_id"])
