"""Dispatches messages to the workers: records and enqueues each in one step, a batch in one call.

Dramatiq's own `enqueue` would be a separate step, and a bridge may die between two steps. So this
module writes to Dramatiq's queue what Dramatiq's broker would write.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import dramatiq
from redis.exceptions import NoScriptError, RedisError

from bridge.ledger import keys
from bridge.ledger.keys import NAMESPACE
from bridge.ledger.proofs import Proofs
from bridge.ledger.scripts import script
from bridge.ledger.story import UNTOLD, Story
from bridge.messages import Handle
from emails.wire import BULK_QUEUE, FEEDBACK_QUEUE
from runtime.message_context import MessageContext
from runtime.seals import Seals, report_forged

if TYPE_CHECKING:
    from redis import Redis


_CLASSES = {FEEDBACK_QUEUE: "feedback"}
"""The classes of messages that have no lane."""


class Dispatched(StrEnum):
    """What became of a message; see `lua/dispatch.lua`."""

    ENQUEUED = "enqueued"
    IN_FLIGHT = "in_flight"
    DONE = "done"
    FAILED = "failed"
    OVER_SHARE = "over_share"
    NO_ROOM = "no_room"


@dataclass(frozen=True, slots=True)
class Work:
    """A message to dispatch: its handle in SQS, and the Dramatiq message for the workers.

    Of a mail, `lanes` are the names of its lanes and `weight` is how much work it is. `body` is
    what SQS delivered, for the overflow queue. `about` says which message it is, wherever it goes.
    """

    handle: Handle
    message: dramatiq.Message[None]
    lanes: tuple[str, ...] = ()
    weight: int = 1
    body: str = field(default="", repr=False, compare=False)
    sent_at_ms: int = 0
    trace_header: str = field(default="", repr=False, compare=False)
    receive_count: int = 0
    about: MessageContext = field(default=MessageContext(), compare=False)


@dataclass(frozen=True, slots=True)
class NotAdmitted:
    """There is no room for a message now, and why. Of its lanes, `lane` is the busiest."""

    why: Dispatched
    lane: str


class Dispatcher:
    """Dispatches what `bridge` received from the SQS queue `queue`.

    With `is_replay` an operator allows messages that failed to run again. For those that killed
    their workers, the delivery attempts are reset, once per message.

    Given `max_in_flight`, messages are admitted by lane; `is_overflow`: the queue is the overflow.
    """

    def __init__(
        self,
        client: "Redis",
        lifetime_seconds: int,
        *,
        seals: Seals,
        bridge: str,
        queue: str,
        is_replay: bool = False,
        max_in_flight: int = 0,
        is_overflow: bool = False,
        story: Story = UNTOLD,
    ) -> None:
        self._redis = client
        self._story = story
        self._proofs = Proofs(seals)
        self._lifetime_ms = lifetime_seconds * 1000
        self._bridge = bridge
        self._queue = queue
        self._is_replay = is_replay
        self._max_in_flight = max_in_flight
        self._is_overflow = is_overflow
        self._script = script(client, "queue_entries", "lanes", "story", "dispatch")

    def dispatch(
        self,
        batch: Sequence[Work],
        now_ms: int,
        *,
        has_waited: bool = False,
        may_admit: bool = True,
    ) -> list[Dispatched | NotAdmitted | RedisError]:
        """Dispatch messages; returns for each what became of it, or the error of Redis.

        Raises `RedisError` if Redis took none. Repeating the call is harmless. `has_waited`: they
        were not admitted before, and have waited in the bridge. Without `may_admit` there is room
        for none.
        """
        if not batch:
            return []
        is_back = has_waited or self._is_overflow
        most = self._max_in_flight if may_admit else -1
        replies = self._call(batch, now_ms, is_back, most)
        if any(isinstance(reply, NoScriptError) for reply in replies):
            # The server is new, or has restarted. redis-py would ask it before each pipeline.
            self._redis.script_load(self._script.script)
            replies = self._call(batch, now_ms, is_back, most)
        dispatched = [
            self._read(work, reply, now_ms, is_back, most)
            for work, reply in zip(batch, replies, strict=True)
        ]
        failures = [reply for reply in dispatched if isinstance(reply, RedisError)]
        if len(failures) == len(dispatched):
            raise failures[0]
        return dispatched

    def _read(
        self, work: Work, reply: Any, now_ms: int, is_back: bool, most: int
    ) -> Dispatched | NotAdmitted | RedisError:
        """Read a reply. A message that Redis says was processed, without a proof, is dispatched."""
        if isinstance(reply, RedisError):
            return reply
        result, proof = _read(reply)
        message_id = work.handle.message_id
        if result is not Dispatched.DONE or self._proofs.shows_end(proof, message_id, result):
            return result
        report_forged("end", message_id)
        self._redis.delete(keys.message(message_id))
        again = self._call([work], now_ms, is_back, most)[0]
        if isinstance(again, RedisError):
            return again
        result, _ = _read(again)
        if isinstance(result, NotAdmitted) or result is Dispatched.ENQUEUED:
            return result
        # Whoever forged it may have done so once more: then SQS delivers the message again.
        return Dispatched.IN_FLIGHT

    def _call(self, batch: Sequence[Work], now_ms: int, is_back: bool, most: int) -> list[Any]:
        with self._redis.pipeline(transaction=False) as pipeline:
            for work in batch:
                self._add(work, now_ms, is_back, most, pipeline)
            return pipeline.execute(raise_on_error=False)

    def _add(self, work: Work, now_ms: int, is_back: bool, most: int, pipeline: Any) -> None:
        message = work.message.copy(options={"redis_message_id": str(uuid.uuid4())})
        message_id, queue = work.handle.message_id, keys.queue(message.queue_name)
        names = [
            keys.message(message_id),
            keys.IN_FLIGHT,
            queue,
            keys.messages_of(queue),
            keys.attempts(message_id),
            keys.dead_letter_of(message_id),
            keys.messages_of(keys.dead_letters(message.queue_name)),
            keys.queue(BULK_QUEUE),
            keys.messages_of(keys.queue(BULK_QUEUE)),
            keys.messages_of(keys.dead_letters(BULK_QUEUE)),
            keys.STORY,
            *keys.OF_LANES,
        ]
        values = [
            *(message_id, self._proofs.write_handle(work.handle), self._bridge, self._queue),
            *(now_ms, self._lifetime_ms, NAMESPACE),
            *(
                message.options["redis_message_id"],
                message.encode(),
                int(self._is_replay),
                keys.FAILED_TTL_MS,
            ),
            *(most, _CLASSES.get(message.queue_name, ""), " ".join(work.lanes)),
            *(work.weight, int(is_back), work.about.to_text()),
            *(self._story.most, f"{self._queue} {work.sent_at_ms} {work.receive_count}"),
        ]
        pipeline.evalsha(self._script.sha, len(names), *names, *values)


def _read(reply: bytes) -> tuple[Dispatched | NotAdmitted, str]:
    """Read what became of a message, and what follows that word."""
    word, _, rest = reply.decode(errors="replace").partition(" ")
    result = Dispatched(word)
    if result in (Dispatched.OVER_SHARE, Dispatched.NO_ROOM):
        return NotAdmitted(result, rest), ""
    return result, rest
