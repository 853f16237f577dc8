"""Confirmed sends: what SES's `Send` events say, for the workers to read.

    relay:sent:DELIVERY       SES's id of the delivery's mail
    relay:send-event-delay    how many seconds such events take through the queue at the moment
    relay:confirms:BRIDGE     how often a bridge has noted events; another number than the bridge
                              remembers if Redis was wiped, or came back with an old snapshot

A worker that finds the claim of an earlier attempt looks here whether SES has the mail. That is
rare, so nothing else happens for such an event: no actor, no database.
"""

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING

from emails.wire import CONFIRMATION_SECONDS, SEND_EVENT_DELAY_KEY, sent_key

if TYPE_CHECKING:
    from redis import Redis
    from redis.client import Pipeline


DELAY_SECONDS = 600
"""How long a measured delay counts if no event comes after it."""


class Confirmations:
    """The confirmed sends. Errors of Redis pass through as `RedisError`."""

    def __init__(self, client: "Redis") -> None:
        self._redis = client
        self._marker = f"relay:confirms:{uuid.uuid4().hex}"
        self._times = 0
        self._are_lost = False

    def note(self, sends: Sequence[tuple[str, str]], delay_seconds: float | None) -> None:
        """Note more sends, each a delivery and SES's id, in one round trip.

        `delay_seconds` is how long they were in the queue, None if that is unknown.
        """
        with self._redis.pipeline(transaction=True) as pipeline:
            _set_all(pipeline, sends)
            if delay_seconds is not None:
                delay = max(0, round(delay_seconds))
                pipeline.set(SEND_EVENT_DELAY_KEY, delay, ex=DELAY_SECONDS)
            pipeline.set(self._marker, self._times + 1, ex=CONFIRMATION_SECONDS, get=True)
            *_, before = pipeline.execute()
        # Otherwise the next event after a loss would hide that earlier ones were lost.
        self._are_lost |= before != self._expected
        self._times += 1

    def note_all(self, sends: Sequence[tuple[str, str]]) -> None:
        """Note everything that this bridge keeps, so that `were_lost` is false until a loss."""
        with self._redis.pipeline(transaction=True) as pipeline:
            _set_all(pipeline, sends)
            pipeline.set(self._marker, self._times, ex=CONFIRMATION_SECONDS)
            pipeline.execute()
        self._are_lost = False

    def were_lost(self) -> bool:
        """Return whether Redis has lost notes of this bridge since the last `note_all`."""
        return self._are_lost or self._redis.get(self._marker) != self._expected

    @property
    def _expected(self) -> bytes:
        return str(self._times).encode()


def _set_all(pipeline: "Pipeline", sends: Sequence[tuple[str, str]]) -> None:
    for delivery, ses_id in sends:
        pipeline.set(sent_key(delivery), ses_id, ex=CONFIRMATION_SECONDS)
