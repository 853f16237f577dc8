"""How far the import from Firefox Relay is behind its website, while moving.

    relay:import-caught-up   the time (seconds) until which every change at the source is here

Read from the database once a minute and kept in Redis, like the gauges of held mails.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, cast

from relay.operations.gauges import Gauge

if TYPE_CHECKING:
    from redis import Redis

_KEY = "relay:import-caught-up"
_KEPT_SECONDS = 600


def keep(client: "Redis", caught_up_at: datetime | None) -> None:
    """Store the time; None: nobody follows."""
    if caught_up_at is not None:
        client.set(_KEY, str(caught_up_at.timestamp()), ex=_KEPT_SECONDS)


def find(client: "Redis", now_ms: int) -> Iterator[Gauge]:
    """Yield how far we are behind, in seconds. Nothing if nobody follows."""
    stored = cast("bytes | None", client.get(_KEY))
    if stored is not None:
        yield Gauge("relay_import_lag_seconds", max(0.0, now_ms / 1000 - float(stored)))
