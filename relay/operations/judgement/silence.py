"""How long no mail arrives on a usual day, so that a longer silence can be told."""

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from bridge.ledger.heartbeats import Role
from relay.operations import history
from relay.operations.judgement.facts import Progress
from runtime.tally import find_counts

if TYPE_CHECKING:
    from redis import Redis

_DAY_MINUTES = 24 * 60
_LEAST_KNOWN_MINUTES = 120
"""Before mail has come for so long, nobody knows what is usual."""


def find_usual_silence(client: "Redis", minute: int, queue: str) -> float | None:
    """Find the longest silence of the day before a minute, in seconds; None if none is known.

    `queue` is the name of the bridges' queue in SQS. Errors of Redis pass through.
    """
    minutes = range(minute - _DAY_MINUTES, minute)
    day = Progress(minutes[0], find_counts(client, minutes))
    return longest_silence(day, find_outages(day, history.find_of(client, minutes), queue))


def find_outages(day: Progress, samples: Sequence[history.Sample], queue: str) -> set[int]:
    """Find the minutes in which mail may have come that nobody took; pure.

    Nobody received then, or mail waited in SQS, or messages were no good, or nobody took samples.
    """
    sampled = {sample.minute: sample.values for sample in samples}
    found = {
        minute
        for minute, values in sampled.items()
        if not values.get(f"processes_alive:{Role.BRIDGE}")
        or values.get(f"email_queue_count:{queue}")
    }
    if sampled:
        found |= set(range(min(sampled), max(sampled))) - sampled.keys()
    return found.union(day.minutes_with("rejected"), day.minutes_with("postponed"))


def longest_silence(day: Progress, outages: Collection[int] = ()) -> float | None:
    """Return the longest time without mail between two mails of a day, in seconds; pure.

    Minutes of an outage, and those beside them, don't count: a reject in a quiet night takes three
    minutes from it. None if mail has not come for long enough to know.
    """
    minutes = day.minutes_with("arrived")
    if not minutes or minutes[-1] - minutes[0] < _LEAST_KNOWN_MINUTES:
        return None
    known = {minute + beside for minute in outages for beside in (-1, 0, 1)}
    return max(
        60.0 * sum(minute not in known for minute in range(before + 1, after))
        for before, after in pairwise(minutes)
    )
