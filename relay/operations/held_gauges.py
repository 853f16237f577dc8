"""The gauges of held mails and of mailbox breakers: counted in the database once a minute, and
kept in Redis.

    relay:held-mails   JSON: by reason, how many and since when; since when the longest waits; how
                       many mailbox breakers are open

Whoever serves metrics has no database, and whoever looks at the dashboard should not count.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, cast

from emails.values.held import HeldCount
from emails.values.outcomes import HeldReason
from relay.operations.gauges import Gauge

if TYPE_CHECKING:
    from redis import Redis

_KEY = "relay:held-mails"
_KEPT_SECONDS = 600


def keep(
    client: "Redis",
    counts: Mapping[HeldReason, HeldCount],
    oldest_release: datetime | None,
    open_breakers: int,
) -> None:
    """Store the counts in Redis; they expire if nobody counts any more."""
    by_reason = {
        reason.value: [count.number, count.oldest.timestamp()] for reason, count in counts.items()
    }
    since = oldest_release.timestamp() if oldest_release else None
    client.set(_KEY, json.dumps([by_reason, since, open_breakers]), ex=_KEPT_SECONDS)


def find(client: "Redis", now_ms: int) -> Iterator[Gauge]:
    """Yield how many mails are held for each reason, and the age of the oldest, in seconds.

    `held_mails_release_s` is how long a released mail has waited to be forwarded, at most;
    `mailbox_breakers_open` how many owners' mailboxes bounce. Nothing if nobody has counted lately.
    """
    stored = cast("bytes | None", client.get(_KEY))
    if stored is None:
        return
    by_reason, oldest_release, open_breakers = json.loads(stored)
    for reason in HeldReason:
        number, oldest = by_reason.get(reason.value, (0, None))
        tag = ("reason", reason.value)
        yield Gauge("held_mails", number, tag)
        yield Gauge("held_mails_oldest_s", _age(oldest, now_ms), tag)
    yield Gauge("held_mails_release_s", _age(oldest_release, now_ms))
    yield Gauge("mailbox_breakers_open", open_breakers)


def _age(since: float | None, now_ms: int) -> float:
    return 0 if since is None else max(0, now_ms / 1000 - since)
