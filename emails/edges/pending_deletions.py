"""Pending deletions: processed mails, collected in Redis and deleted from S3 in batches.

One S3 call per mail would take a tenth of a worker's time. So the worker that adds the hundredth
mail deletes a hundred, and a periodic job deletes the rest. A key is removed from Redis only after
S3 has deleted the mail. Two workers may delete the same mail: that does no harm.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from emails.edges import events
from emails.edges.ports import MailStore
from emails.values.errors import NotFinished, Refused
from emails.values.notifications import StoredMail

if TYPE_CHECKING:
    from redis import Redis

BATCH_SIZE = 100
"""How many mails one call deletes. S3 allows a thousand, but the call delays a mail's worker."""

MAX_FLUSH_SECONDS = 30.0
"""How long one flush may take: the job that runs it has a time limit of under a minute."""


def key_of(bucket: str) -> str:
    """Return the key of the Redis set of mails to delete from a bucket."""
    return f"relay:discarded-mails:{bucket}"


class PendingDeletions:
    """The pending deletions of one bucket. Doesn't catch Redis's errors."""

    def __init__(
        self,
        client: "Redis",
        mail_store: MailStore,
        bucket: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = client
        self._mail_store = mail_store
        self._bucket = bucket
        self._key = key_of(bucket)
        self._clock = clock

    def add(self, mail: StoredMail) -> None:
        """Schedule a mail of this bucket for deletion. Deletes a batch when one is full."""
        with self._redis.pipeline() as pipeline:
            pipeline.sadd(self._key, mail.key)
            pipeline.scard(self._key)
            is_new, count = pipeline.execute()
        # Only one worker sees each count. If S3 fails, not every later worker tries again.
        if is_new and count % BATCH_SIZE == 0:
            self._delete_some()

    def flush(self) -> int:
        """Delete all pending mails; return how many were deleted.

        Stops at the first failure, or after `MAX_FLUSH_SECONDS`.
        """
        total, until = 0, self._clock() + MAX_FLUSH_SECONDS
        while self._clock() < until:
            deleted = self._delete_some()
            total += deleted
            if deleted < BATCH_SIZE:
                break
        return total

    def _delete_some(self) -> int:
        """Delete one batch. Mails that S3 doesn't delete are logged, and stay pending."""
        found = cast("list[bytes]", self._redis.srandmember(self._key, BATCH_SIZE))
        keys = [key.decode() for key in found]
        if not keys:
            return 0
        try:
            kept = self._mail_store.delete(self._bucket, keys)
        except (NotFinished, Refused) as error:
            events.mails_not_deleted(len(keys), error.reason)
            return 0
        for code in sorted(set(kept.values())):
            events.mails_not_deleted(list(kept.values()).count(code), code)
        deleted = [key for key in keys if key not in kept]
        if deleted:
            self._redis.srem(self._key, *deleted)
        return len(deleted)
