"""Notes in Redis about sends, for when the database can't be told.

    relay:sent:DELIVERY   SES's id: SES has this delivery's mail

Whoever takes the delivery over reads the note first, and completes the work without sending. Redis
may lose a note: the mail is then sent again when its claim has expired.
"""

import logging
import re
from typing import TYPE_CHECKING, cast

from redis.exceptions import RedisError

from emails.values.deliveries import SendEvidence
from emails.wire import sent_key

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)

NOTE_SECONDS = 15 * 24 * 3600
"""How long a note is kept: as long as the database remembers a delivery."""

_SES_ID = re.compile(r"[A-Za-z0-9._=+/-]{1,200}")


class RedisSendNotes:
    """The notes of all workers. `find` doesn't catch Redis's errors: nothing was sent then."""

    def __init__(self, client: "Redis") -> None:
        self._redis = client

    def note_sent(self, delivery: str, ses_id: str) -> bool:
        """Note that SES has a delivery's mail; return whether Redis took the note."""
        try:
            self._redis.set(sent_key(delivery), ses_id, ex=NOTE_SECONDS)
        except RedisError as error:
            logger.warning("send not noted", extra={"error_type": type(error).__name__})
            return False
        return True

    def find(self, delivery: str) -> SendEvidence:
        """Find what was noted for a delivery."""
        noted = cast("bytes | None", self._redis.get(sent_key(delivery)))
        return SendEvidence(sent_as=_read(noted))


def _read(noted: bytes | None) -> str | None:
    text = noted.decode("latin-1") if noted else ""
    return text if _SES_ID.fullmatch(text) else None
