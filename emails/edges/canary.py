"""When canaries were sent and came back, for everybody who judges the installation.

relay:canary   hash: first_ms, sent_ms, back_ms; expires an hour after the last was sent
"""

import logging
import time
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import TYPE_CHECKING

import markus
from redis.exceptions import RedisError

from emails.wire import CANARY_KEY
from runtime.failures import fields_of

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)
metrics = markus.get_metrics("emails")

_KEPT_SECONDS = 3600
_TEXT = """This mail shows that the mail relay works. It is sent each minute, and nobody reads it.
"""


class RedisCanary:
    """Makes and counts canaries. A failing Redis is nobody's trouble here: it is red by itself."""

    def __init__(self, client: "Redis") -> None:
        self._redis = client

    def make(self, sender: str, recipient: str, now: datetime) -> bytes:
        """Make the mail."""
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = sender, recipient, "Canary"
        mail["Date"] = format_datetime(now)
        mail["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
        mail.set_content(_TEXT)
        return mail.as_bytes()

    def note_begun(self) -> None:
        """Note that one is to be sent now, whether or not that works."""
        self._note(first_ms=True, sent_ms=True)

    def note_sent(self, error_code: str | None = None) -> None:
        """Count one that was sent; or, with the code of its error, that it wasn't."""
        if error_code is None:
            metrics.incr("canary", tags=["step:sent"])
            return
        logger.warning("canary not sent", extra={"error_code": error_code})
        metrics.incr("canary", tags=["step:not_sent"])

    def note_forwarded(self, *, is_back: bool) -> None:
        """Count one that was forwarded. Where SES publishes no events, it is back with that."""
        metrics.incr("canary", tags=["step:forwarded"])
        if is_back:
            self._note(back_ms=True)

    def _note(self, **fields: bool) -> None:
        now_ms = int(time.time() * 1000)
        try:
            with self._redis.pipeline(transaction=False) as pipeline:
                for name in fields:
                    if name == "first_ms":
                        pipeline.hsetnx(CANARY_KEY, name, now_ms)
                    else:
                        pipeline.hset(CANARY_KEY, name, now_ms)
                pipeline.expire(CANARY_KEY, _KEPT_SECONDS)
                pipeline.execute()
        except RedisError as error:
            logger.warning("canary not noted", extra=fields_of(error))
