"""Confirmed sends: what SES's `Send` events say, for the workers to read.

    relay:sent:DELIVERY       SES's id of the delivery's mail, and a signature
    relay:send-event-delay    how many seconds such events take at the moment, from SES to here
    relay:canary              when the last canary came back (`emails/edges/canary.py`)
    relay:confirms:BRIDGE     how often a bridge has noted events; another number than the bridge
                              remembers if Redis was wiped, or came back with an old snapshot

A worker that finds the claim of an earlier attempt looks here whether SES has the mail. That is
rare, so nothing else happens for such an event: no actor, no database.
"""

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bridge.ledger.story import UNTOLD, Event, Story
from emails.wire import CANARY_KEY, CONFIRMATION_SECONDS, SEND_EVENT_DELAY_KEY, SENT, sent_key
from runtime.seals import Seals

if TYPE_CHECKING:
    from redis import Redis
    from redis.client import Pipeline


CANARY_SECONDS = 3600
"""How long the last canary is remembered: much longer than the next one takes."""

DELAY_SECONDS = 600
"""How long a measured delay counts if no event comes after it."""


class Confirmations:
    """The confirmed sends. Errors of Redis pass through as `RedisError`."""

    def __init__(self, client: "Redis", seals: Seals, story: Story = UNTOLD) -> None:
        self._redis = client
        self._story = story
        self._seals = seals
        self._marker = f"relay:confirms:{uuid.uuid4().hex}"
        self._times = 0
        self._are_lost = False

    def note(self, sends: Sequence[tuple[str, str]], delay_seconds: float | None) -> None:
        """Note more sends, each a delivery and SES's id, in one round trip.

        `delay_seconds` is how long they took from SES to here, None if that is unknown.
        """
        with self._redis.pipeline(transaction=True) as pipeline:
            self._set_all(pipeline, sends)
            if delay_seconds is not None:
                delay = max(0, round(delay_seconds))
                pipeline.set(SEND_EVENT_DELAY_KEY, delay, ex=DELAY_SECONDS)
            pipeline.set(self._marker, self._times + 1, ex=CONFIRMATION_SECONDS, get=True)
            *_, before = pipeline.execute()
        # Otherwise the next event after a loss would hide that earlier ones were lost.
        self._are_lost |= before != self._expected
        self._times += 1
        told = " ".join(f"{delivery} {ses_id}" for delivery, ses_id in sends)
        self._story.tell(self._redis, [Event(0, "confirmed", detail=told)])

    def note_canary(self, sent_ms: int) -> None:
        """Note that a canary has come back, which SES sent on at `sent_ms`."""
        self._redis.hset(CANARY_KEY, "back_ms", sent_ms)
        self._redis.expire(CANARY_KEY, CANARY_SECONDS)

    def note_all(self, sends: Sequence[tuple[str, str]]) -> None:
        """Note everything that this bridge keeps, so that `were_lost` is false until a loss."""
        with self._redis.pipeline(transaction=True) as pipeline:
            self._set_all(pipeline, sends)
            pipeline.set(self._marker, self._times, ex=CONFIRMATION_SECONDS)
            pipeline.execute()
        self._are_lost = False

    def were_lost(self) -> bool:
        """Return whether Redis has lost notes of this bridge since the last `note_all`."""
        return self._are_lost or self._redis.get(self._marker) != self._expected

    @property
    def _expected(self) -> bytes:
        return str(self._times).encode()

    def _set_all(self, pipeline: "Pipeline", sends: Sequence[tuple[str, str]]) -> None:
        for delivery, ses_id in sends:
            note = f"{ses_id} {self._seals.sign(SENT, delivery, ses_id)}"
            pipeline.set(sent_key(delivery), note, ex=CONFIRMATION_SECONDS)
