"""Notes in Redis about sends, for whoever takes a delivery over.

    relay:sent:DELIVERY       SES's id, signed by us: SES has this delivery's mail. Written by a
                              worker that can't tell the database, and by the bridges for each
                              `Send` event of SES
    relay:sending:DELIVERY    a worker was about to send it; only if SES publishes such events
    relay:since               since when nothing was lost, and which server says so
    relay:send-event-delay    how many seconds `Send` events take at the moment, from SES to us

Redis may lose a note. `relay:since` then shows that the absence of one means nothing. It vanishes
when Redis is wiped. A Redis that comes back with an old snapshot, or a replica that becomes the
primary, may have it and yet have lost later notes; but its `run_id` differs from the one written
there. The age of the key comes from its expiry, by Redis's own clock.
"""

import logging
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from emails.values.deliveries import BEGUN_SENDS_KEPT, SendEvidence
from emails.wire import SEND_EVENT_DELAY_KEY, SENT, TAKING_KEY, TAKING_SECONDS, sent_key
from runtime.breakers import NOT_TAKING_KEYS
from runtime.failures import fields_of
from runtime.seals import Seals, report_forged

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)

NOTE_SECONDS = 15 * 24 * 3600
"""How long a worker's note is kept: as long as the database remembers a delivery."""

_SINCE_KEY, _SINCE_SECONDS = "relay:since", 30 * 24 * 3600
_BEGUN_SECONDS = int(BEGUN_SENDS_KEPT.total_seconds())
_SES_ID = re.compile(r"[A-Za-z0-9._=+/-]{1,200}")


class RedisSendNotes:
    """The notes of all workers. Except for `note_sent`, doesn't catch Redis's errors: nothing was
    sent then.
    """

    def __init__(self, client: "Redis", seals: Seals) -> None:
        self._redis = client
        self._seals = seals
        self._server = b""
        """The server's `run_id`, as last seen. If it is out of date, notes only seem younger."""

    def note_sent(self, delivery: str, ses_id: str) -> bool:
        """Note that SES has a delivery's mail; return whether Redis took the note."""
        try:
            note = f"{ses_id} {self._seals.sign(SENT, delivery, ses_id)}"
            self._redis.set(sent_key(delivery), note, ex=NOTE_SECONDS)
        except RedisError as error:
            logger.warning("send not noted", extra=fields_of(error))
            return False
        return True

    def note_begun(self, delivery: str) -> None:
        """Note that a delivery's mail is about to be sent."""
        self._server = self._server or _run_id(self._redis.info("server"))
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.set(_begun_key(delivery), 1, ex=_BEGUN_SECONDS)
            pipeline.set(_SINCE_KEY, self._server, ex=_SINCE_SECONDS, nx=True)
            pipeline.execute()

    def find(self, delivery: str) -> SendEvidence:
        """Find what was noted for a delivery."""
        with self._redis.pipeline() as pipeline:
            pipeline.info("server")
            pipeline.get(sent_key(delivery))
            pipeline.exists(_begun_key(delivery))
            pipeline.get(_SINCE_KEY)
            pipeline.ttl(_SINCE_KEY)
            pipeline.get(SEND_EVENT_DELAY_KEY)
            pipeline.exists(*NOT_TAKING_KEYS)
            pipeline.ttl(TAKING_KEY)
            server, sent_as, begun, since, left_seconds, *events = pipeline.execute()
        delay_seconds, late, taking_seconds = events
        self._server = _run_id(server)
        if since != self._server:
            self._redis.set(_SINCE_KEY, self._server, ex=_SINCE_SECONDS)
            left_seconds = _SINCE_SECONDS
        return SendEvidence(
            sent_as=self._read(delivery, sent_as),
            has_begun=bool(begun),
            kept_for=timedelta(seconds=_SINCE_SECONDS - left_seconds),
            event_delay=timedelta(seconds=int(delay_seconds or 0)),
            are_events_late=bool(late),
            received_ago=(
                timedelta(seconds=TAKING_SECONDS - taking_seconds) if taking_seconds > 0 else None
            ),
        )

    def _read(self, delivery: str, noted: bytes | None) -> str | None:
        """Read SES's id. A note that none of us signed must not keep a mail from being sent."""
        if noted is None:
            return None
        ses_id, _, signature = noted.decode("latin-1").partition(" ")
        if _SES_ID.fullmatch(ses_id) and self._seals.is_signed(signature, SENT, delivery, ses_id):
            return ses_id
        report_forged("sent")
        return None


def begin(client: "Redis") -> None:
    """Note that from now on nothing has been lost, unless that is noted already."""
    client.set(_SINCE_KEY, _run_id(client.info("server")), ex=_SINCE_SECONDS, nx=True)


def _begun_key(delivery: str) -> str:
    return f"relay:sending:{delivery}"


def _run_id(server: Mapping[str, object]) -> bytes:
    return str(server["run_id"]).encode()
