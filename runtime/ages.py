"""How old mails are at each stage, counted from when SES received them.

The clocks of AWS and of our hosts are compared here: an age that would be negative is zero.
"""

import time
from collections.abc import Mapping
from enum import StrEnum

import markus

from runtime.message_context import current

metrics = markus.get_metrics()

BOUNDS_SECONDS = (1, 2, 5, 10, 30, 60, 120, 300, 900, 3_600, 21_600, 86_400)
"""What the tally sorts ages by; beyond the last, an age counts as that."""


class Stage(StrEnum):
    """How far a mail has come."""

    DISPATCHED = "dispatched"
    BEGUN = "begun"
    SENT = "sent"
    SETTLED = "settled"
    DELETED = "deleted"


def age_seconds(received_at_ms: int, now_seconds: float | None = None) -> float:
    """Return how long ago SES received a mail."""
    now_seconds = time.time() if now_seconds is None else now_seconds
    return max(0.0, round(now_seconds - received_at_ms / 1000, 3))


def note_age(stage: Stage) -> float | None:
    """Count the mail that this thread works on, by its age; returns the age, None if unknown."""
    received_at_ms = current().received_at_ms
    if not received_at_ms:
        return None
    seconds = age_seconds(received_at_ms)
    metrics.timing("mail_age", seconds * 1000, tags=[f"stage:{stage}"])
    return seconds


def bound_of(seconds: float) -> int:
    """Return the bound that an age is sorted under."""
    return next((bound for bound in BOUNDS_SECONDS if seconds <= bound), BOUNDS_SECONDS[-1])


def quantile(counts: Mapping[int, int], q: float) -> float | None:
    """Return the age that a share `q` of the mails reached at most, from counts by bound.

    Within a bound ages count as evenly spread, as Prometheus has it. None without any mail.
    """
    rank = q * sum(counts.values())
    if rank <= 0:
        return None
    below, lower = 0, 0
    for bound in BOUNDS_SECONDS:
        here = counts.get(bound, 0)
        if here and below + here >= rank:
            return lower + (bound - lower) * (rank - below) / here
        below, lower = below + here, bound
    return float(BOUNDS_SECONDS[-1])
