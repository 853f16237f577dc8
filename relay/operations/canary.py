"""The canary: a mail a minute through everything, and when the last one came back.

relay:canary   hash: when the first one was sent, the last one was sent, and the last one came
               back (ms); `emails/edges/canary.py` and the bridges write it
"""

from typing import TYPE_CHECKING, cast

from emails.wire import CANARY_KEY

if TYPE_CHECKING:
    from redis import Redis


def find_age(client: "Redis", now: float) -> float | None:
    """Return how long ago the last canary came back; or the first was sent, if none has yet."""
    found = cast("dict[bytes, bytes]", client.hgetall(CANARY_KEY))
    last = found.get(b"back_ms", found.get(b"first_ms"))
    return None if last is None else max(0.0, now - int(last) / 1000)
