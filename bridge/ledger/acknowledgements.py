"""Acknowledgements: how workers tell the bridges that a message's actor has really ended.

The workers put them on a list in Redis, one list for each SQS queue; any bridge takes them off, and
confirms each when SQS has deleted its message. Losing one is harmless: SQS redelivers the message,
and it is found done.
"""

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from bridge.ledger import keys
from bridge.ledger.dead_letters import DEAD_LETTER_TTL_MS
from bridge.ledger.proofs import Proofs, unproved_handle
from bridge.ledger.scripts import script
from bridge.ledger.story import UNTOLD, Event, Story
from bridge.messages import Handle
from runtime.message_context import MessageContext, from_text
from runtime.seals import Seals, report_forged

if TYPE_CHECKING:
    from redis import Redis


ENDED_BEFORE = "ended_before"
"""The reason of an acknowledgement that a bridge makes: SQS delivered again what had ended."""

LEFT = "reply_left"
"""The reason of an acknowledgement after which SQS delivers the message again, to us or another. A
message that failed and has no dead letter is dispatched anew."""

_TAKES_AT_MOST_MS = 60_000
"""How long a bridge may take over what it has taken; it is gone then."""

_AT_MOST = 10_000

_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The end of a message's actor. `reason` names the failure; it is empty after a success.

    `about` says which message it is: for people, as anybody may have written it. `text` is how
    Redis has it.
    """

    handle: Handle
    received_at_ms: int
    succeeded: bool
    reason: str
    about: MessageContext = field(default=MessageContext(), compare=False)
    text: bytes = field(default=b"", compare=False, repr=False)

    @property
    def state(self) -> str:
        """How the message ended, as the ledger calls it."""
        return "done" if self.succeeded else "failed"


class Acknowledgements:
    """The lists of acknowledgements. Errors of Redis pass through as `RedisError`."""

    def __init__(
        self, client: "Redis", lifetime_seconds: int, seals: Seals, story: Story = UNTOLD
    ) -> None:
        self._redis = client
        self._story = story
        self._proofs = Proofs(seals)
        self._lifetime_ms = lifetime_seconds * 1000
        self._failed_ms = max(self._lifetime_ms, keys.FAILED_TTL_MS)
        self._acknowledge = script(client, "dead_letters", "lanes", "story", "acknowledge")
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
        steps: str = "",
        broker_id: str = "",
        entry_id: str = "",
    ) -> bool:
        """Acknowledge a message whose actor has ended; returns False if that was done before.

        `failure` is the reason of a dead-lettered message, None after a success. An earlier dead
        letter of the message is removed. `forget_attempts` is false for a message that must not run
        again. `steps` are those of the attempt, for its story. `entry_id` is the queue entry that
        the process of `broker_id` has fetched; it is removed in the same step. Empty: it stays.
        """
        own, *others = keys.queues_of(actor_queue)
        state = "done" if failure is None else "failed"
        return bool(
            self._acknowledge(
                keys=[
                    keys.message(message_id),
                    keys.IN_FLIGHT,
                    keys.attempts(message_id),
                    keys.dead_letter_of(message_id),
                    *_dead_letters_of(own),
                    keys.DEAD_LETTER_BYTES,
                    keys.STORY,
                    keys.fetched(broker_id, own),
                    *(key for other in others for key in _dead_letters_of(other)),
                    *keys.OF_LANES,
                ],
                args=[
                    message_id,
                    state,
                    self._lifetime_ms if failure is None else self._failed_ms,
                    failure or "",
                    dead_letter_id,
                    DEAD_LETTER_TTL_MS,
                    int(forget_attempts),
                    keys.ACKNOWLEDGEMENTS,
                    keys.reason_of(""),
                    self._proofs.of_end(message_id, state),
                    self._story.most,
                    steps,
                    entry_id,
                ],
            )
        )

    def take(
        self,
        queue: str,
        at_most: int,
        wait_seconds: float,
        linger_seconds: float = 0,
        *,
        batch: int = 1,
    ) -> list[Acknowledgement]:
        """Take acknowledgements off a queue's list: wait for a first one, then briefly for more.

        Of more than one `batch`, as many as a call to SQS deletes, what fills no further one stays.
        """
        name = keys.ACKNOWLEDGEMENTS + queue
        first = self._redis.blpop([name], timeout=wait_seconds)
        if first is None:
            return []
        time.sleep(linger_seconds)
        taken: list[Any] = self._take(
            keys=[name, keys.TAKEN + queue],
            args=[at_most - 1, self._failed_ms, batch, first[1]],
        )
        read = [self._read(text) for text in taken]
        if forged := [text for text, one in zip(taken, read, strict=True) if one is None]:
            self._redis.zrem(keys.TAKEN + queue, *forged)
        return [one for one in read if one is not None]

    def confirm(self, queue: str, taken: Sequence[Acknowledgement]) -> list[Acknowledgement]:
        """Note that SQS has done what these ask for; returns those not confirmed before."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for one in taken:
                pipeline.zrem(keys.TAKEN + queue, one.text)
            for what, ended_well in (("deleted", True), ("kept", False)):
                ids = [one.handle.message_id for one in taken if one.succeeded is ended_well]
                if ids:
                    self._story.add(pipeline, Event(0, what, detail=" ".join(ids)))
            removed: list[Any] = pipeline.execute(raise_on_error=False)
        for reply in removed[: len(taken)]:
            if isinstance(reply, RedisError):
                raise reply
        return [one for one, number in zip(taken, removed, strict=False) if number]

    def give_back(self, queue: str, acknowledgements: Sequence[Acknowledgement]) -> None:
        """Put acknowledgements on the list, for any bridge to take."""
        if not acknowledgements:
            return
        texts = [one.text or self._write(one) for one in acknowledgements]
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
        read = map(self._read, found)
        return [one.handle for one in read if one is not None]

    def count(self, queue: str) -> int:
        """Count the acknowledgements on a queue's list."""
        counted: int = self._redis.llen(keys.ACKNOWLEDGEMENTS + queue)
        return counted

    def _read(self, text: bytes) -> Acknowledgement | None:
        """Read an acknowledgement of ours; None for one that nobody of us wrote."""
        message_id = "unknown"
        try:
            data = json.loads(text)
            message_id = str(data["message_id"])
            read = Acknowledgement(
                unproved_handle(message_id, data["receipt_handle"]),
                int(data["received_at_ms"]),
                data["succeeded"] is True,
                str(data["reason"]),
                from_text(message_id, data.get("about")),
                text,
            )
            is_proved = self._proofs.shows_end(data["proof"], message_id, read.state)
            if is_proved and self._proofs.read_handle(message_id, data["receipt_handle"]):
                return read
        except (AttributeError, ArithmeticError, KeyError, TypeError, ValueError, RecursionError):
            pass
        report_forged("acknowledgement", message_id if _ID.fullmatch(message_id) else "unknown")
        return None

    def _write(self, one: Acknowledgement) -> str:
        """Write one for the list in Redis, as `lua/acknowledge.lua` does."""
        return json.dumps(
            {
                "message_id": one.handle.message_id,
                "receipt_handle": self._proofs.write_handle(one.handle),
                "received_at_ms": one.received_at_ms,
                "succeeded": one.succeeded,
                "reason": one.reason,
                "about": one.about.to_text(),
                "proof": self._proofs.of_end(one.handle.message_id, one.state),
            }
        )


def _dead_letters_of(queue: str) -> tuple[str, str, str]:
    """Name the keys where a queue's dead letters are, and where they are before."""
    dead_letters = keys.dead_letters(queue)
    return dead_letters, keys.messages_of(dead_letters), keys.messages_of(keys.queue(queue))
