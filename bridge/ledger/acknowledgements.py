"""Acknowledgements: how workers tell the bridges that a message's actor has really ended.

The workers put them on a list in Redis, one list for each SQS queue; any bridge takes them off, and
confirms each when SQS has deleted its message. Losing one is harmless: SQS redelivers the message,
and it is found done.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bridge.ledger import keys
from bridge.ledger.dead_letters import DEAD_LETTER_TTL_MS
from bridge.ledger.scripts import script
from bridge.messages import Handle

if TYPE_CHECKING:
    from redis import Redis


ENDED_BEFORE = "ended_before"
"""The reason of an acknowledgement that a bridge makes: SQS delivered again what had ended."""

_TAKES_AT_MOST_MS = 60_000
"""How long a bridge may take over what it has taken; it is gone then."""

_AT_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The end of a message's actor. `reason` names the failure; it is empty after a success.

    `text` is how Redis has it.
    """

    handle: Handle
    received_at_ms: int
    succeeded: bool
    reason: str
    text: bytes = field(default=b"", compare=False, repr=False)

    @classmethod
    def from_json(cls, text: bytes) -> "Acknowledgement":
        """Read one from the list in Redis."""
        data = json.loads(text)
        handle = Handle(data.pop("message_id"), data.pop("receipt_handle"))
        return cls(handle=handle, **data, text=text)

    def to_json(self) -> str:
        """Write one for the list in Redis, as `lua/acknowledge.lua` does."""
        return json.dumps(
            {
                "message_id": self.handle.message_id,
                "receipt_handle": self.handle.receipt_handle,
                "received_at_ms": self.received_at_ms,
                "succeeded": self.succeeded,
                "reason": self.reason,
            }
        )


class Acknowledgements:
    """The lists of acknowledgements. Errors of Redis pass through as `RedisError`."""

    def __init__(self, client: "Redis", lifetime_seconds: int) -> None:
        self._redis = client
        self._lifetime_ms = lifetime_seconds * 1000
        self._acknowledge = script(client, "dead_letters", "acknowledge")
        self._failed_ms = max(self._lifetime_ms, keys.FAILED_TTL_MS)
        self._take = script(client, "take")
        self._find_unconfirmed = script(client, "unconfirmed")

    def acknowledge(
        self,
        message_id: str,
        *,
        actor_queue: str,
        failure: str | None,
        dead_letter_id: str = "",
        forget_attempts: bool = True,
    ) -> bool:
        """Acknowledge a message whose actor has ended; returns False if that was done before.

        `failure` is the reason of a dead-lettered message, None after a success. An earlier dead
        letter of the message is removed. `forget_attempts` is false for a message that must not run
        again.
        """
        dead_letters = keys.dead_letters(actor_queue)
        return bool(
            self._acknowledge(
                keys=[
                    keys.message(message_id),
                    keys.IN_FLIGHT,
                    keys.attempts(message_id),
                    keys.dead_letter_of(message_id),
                    dead_letters,
                    keys.messages_of(dead_letters),
                    keys.messages_of(keys.queue(actor_queue)),
                    keys.DEAD_LETTER_BYTES,
                ],
                args=[
                    message_id,
                    "done" if failure is None else "failed",
                    self._lifetime_ms if failure is None else self._failed_ms,
                    failure or "",
                    dead_letter_id,
                    DEAD_LETTER_TTL_MS,
                    int(forget_attempts),
                    keys.ACKNOWLEDGEMENTS,
                    keys.reason_of(""),
                ],
            )
        )

    def take(
        self, queue: str, at_most: int, wait_seconds: float, linger_seconds: float = 0
    ) -> list[Acknowledgement]:
        """Take acknowledgements off a queue's list: wait for a first one, then briefly for more."""
        name = keys.ACKNOWLEDGEMENTS + queue
        first = self._redis.blpop([name], timeout=wait_seconds)
        if first is None:
            return []
        time.sleep(linger_seconds)
        taken: list[Any] = self._take(
            keys=[name, keys.TAKEN + queue], args=[at_most - 1, self._failed_ms, first[1]]
        )
        return [Acknowledgement.from_json(text) for text in taken]

    def confirm(self, queue: str, taken: Sequence[Acknowledgement]) -> list[Acknowledgement]:
        """Note that SQS has done what these ask for; returns those not confirmed before."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for one in taken:
                pipeline.zrem(keys.TAKEN + queue, one.text)
            removed: list[int] = pipeline.execute()
        return [one for one, number in zip(taken, removed, strict=True) if number]

    def give_back(self, queue: str, acknowledgements: Sequence[Acknowledgement]) -> None:
        """Put acknowledgements on the list, for any bridge to take."""
        if not acknowledgements:
            return
        texts = [one.text or one.to_json() for one in acknowledgements]
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.rpush(keys.ACKNOWLEDGEMENTS + queue, *texts)
            pipeline.zrem(keys.TAKEN + queue, *texts)
            pipeline.execute()

    def find_unconfirmed(self, queue: str, for_seconds: float) -> list[Handle]:
        """Find the messages that ended and that SQS still has: they must stay hidden.

        Nothing if another bridge has found them during the last `for_seconds`.
        """
        found: list[Any] = self._find_unconfirmed(
            keys=[keys.ACKNOWLEDGEMENTS + queue, keys.TAKEN + queue, keys.HIDING + queue],
            args=[int(for_seconds * 1000), _TAKES_AT_MOST_MS, _AT_MOST],
        )
        return [Acknowledgement.from_json(text).handle for text in found]

    def count(self, queue: str) -> int:
        """Count the acknowledgements on a queue's list."""
        counted: int = self._redis.llen(keys.ACKNOWLEDGEMENTS + queue)
        return counted
