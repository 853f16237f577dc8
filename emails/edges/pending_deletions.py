"""Mails that are done with: collected in Redis, and deleted from S3 a hundred in a call.

A call of its own for each mail would be a tenth of a worker's time. So whoever adds the hundredth
deletes a hundred, and a periodic job deletes what is left. A key leaves Redis after S3 has deleted
its mail, and not before; two that delete the same one do no harm.
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

AT_ONCE = 100
"""How many mails one call deletes; S3 would take a thousand, but the caller is a mail's worker."""

EMPTY_SECONDS = 30.0
"""How long to go on deleting what is left: the job that does it has less than a minute."""


def key_of(bucket: str) -> str:
    """Name the set, in Redis, of what is to be deleted from a bucket."""
    return f"relay:discarded-mails:{bucket}"


class PendingDeletions:
    """The mails of a bucket that are done with. Errors of Redis pass through."""

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
        """Have a mail deleted, in a while. It must be of this bucket."""
        with self._redis.pipeline() as pipeline:
            pipeline.sadd(self._key, mail.key)
            pipeline.scard(self._key)
            is_new, count = pipeline.execute()
        # Each count is seen by one worker; and while S3 can't delete, not every one of them tries.
        if is_new and count % AT_ONCE == 0:
            self._delete_some()

    def empty(self) -> int:
        """Delete what is there; stops at the first failure, or when it has taken long enough.

        Gives how many were deleted.
        """
        total, until = 0, self._clock() + EMPTY_SECONDS
        while self._clock() < until:
            deleted = self._delete_some()
            total += deleted
            if deleted < AT_ONCE:
                break
        return total

    def _delete_some(self) -> int:
        """Delete up to a hundred. What can't be deleted is logged, and stays for the next time."""
        found = cast("list[bytes]", self._redis.srandmember(self._key, AT_ONCE))
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
