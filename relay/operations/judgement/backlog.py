"""How long the mail that waits will take, and which part of the relay limits that. Pure.

A number of mails says little: a thousand are seconds for one relay, and an hour for another. So the
backlog is told in time, at the rate of the last minutes, and whoever scales workers by it knows
whether more of them would help.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from relay.operations.judgement.durations import duration
from relay.operations.judgement.facts import Facts, Progress

LONGEST_SECONDS = 86_400.0
"""What stands for a day or more, and for never."""

_FULL_MINUTES = 3
_LEAST_ELAPSED = 10.0
"""Seconds of the present minute that tell a rate."""
_NO_BACKLOG_SECONDS = 5.0
_NEARLY = 0.9
_RUNS_DRY_SECONDS = 1.0


class Part(StrEnum):
    """What can limit how fast mail is processed. Only of `WORKERS` more would help."""

    NOTHING = "nothing"
    OPERATOR = "operator"
    REDIS = "redis"
    DEPENDENCY = "dependency"
    SES = "ses"
    BRIDGES = "bridges"
    WORKERS = "workers"


WORDS = {
    Part.NOTHING: "nothing",
    Part.OPERATOR: "an operator's order",
    Part.REDIS: "Redis",
    Part.DEPENDENCY: "something that fails",
    Part.SES: "SES's rate",
    Part.BRIDGES: "the bridges",
    Part.WORKERS: "the workers",
}


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits: `seconds` is how long a mail that comes last waits, at the present rate.

    `clears_in`: in how many seconds nothing will wait any more, as it shrank in the last minutes;
    both at most `LONGEST_SECONDS`, and None where that is not known.
    """

    waiting: int
    seconds: float | None
    clears_in: float | None
    limited_by: Part

    @property
    def text(self) -> str:
        """Say it in a sentence."""
        if not self.waiting:
            return "Nothing waits."
        parts = [f"{self.waiting:,} mails wait"]
        if self.seconds is not None:
            parts.append(f"the last of them for {_time(self.seconds)}")
        if self.clears_in is not None:
            never = self.clears_in >= LONGEST_SECONDS
            parts.append("more come than go" if never else f"gone in {_time(self.clears_in)}")
        if self.limited_by is not Part.NOTHING:
            parts.append(f"limited by {WORDS[self.limited_by]}")
        return ", ".join(parts) + "."

    def as_json(self) -> dict[str, Any]:
        """Return it for `manage.py status --json`."""
        return {
            "waiting": self.waiting,
            "backlog_seconds": self.seconds,
            "time_to_clear_seconds": self.clears_in,
            "limited_by": self.limited_by,
        }


def find_backlog(facts: Facts) -> Backlog | None:
    """Return what waits; None if SQS or Redis can't be asked."""
    if facts.queue is None or facts.redis_waiting is None or facts.progress is None:
        return None
    waiting = facts.queue.visible + facts.overflow_waiting + facts.redis_waiting
    rate = rate_of(facts.progress, facts.now)
    seconds = _at_most(waiting / rate) if rate else 0.0 if not waiting else None
    return Backlog(
        waiting=waiting,
        seconds=seconds,
        clears_in=_clears_in(waiting, facts),
        limited_by=_limited_by(facts, seconds, rate),
    )


def rate_of(progress: Progress, now: float) -> float:
    """Return how many mails are settled a second, in the best of the last minutes.

    The best one, since a relay that had nothing to do in the others could have done more.
    """
    *_, present = minutes = progress.each()
    rates = [one.settled / 60 for one in minutes[-1 - _FULL_MINUTES : -1]]
    elapsed = now - present.first_minute * 60
    if elapsed >= _LEAST_ELAPSED:
        rates.append(present.settled / elapsed)
    return max(rates, default=0.0)


def _clears_in(waiting: int, facts: Facts) -> float | None:
    if not waiting:
        return 0.0
    if facts.waited_before is None:
        return None
    ago_seconds, before = facts.waited_before
    drained = before - waiting
    return _at_most(waiting * ago_seconds / drained) if drained > 0 else LONGEST_SECONDS


def _limited_by(facts: Facts, seconds: float | None, rate: float) -> Part:
    if seconds is not None and seconds < _NO_BACKLOG_SECONDS:
        return Part.NOTHING
    if facts.pause is not None:
        return Part.OPERATOR
    if facts.redis is not None or (facts.redis_memory or 0) >= _NEARLY:
        return Part.REDIS
    if facts.breakers or facts.database is not None:
        return Part.DEPENDENCY
    if facts.in_line or (facts.send_rate is not None and rate >= _NEARLY * facts.send_rate):
        return Part.SES
    in_redis = facts.redis_waiting or 0
    if facts.queue and facts.queue.visible > in_redis and in_redis < rate * _RUNS_DRY_SECONDS:
        return Part.BRIDGES
    return Part.WORKERS


def _at_most(seconds: float) -> float:
    return round(min(seconds, LONGEST_SECONDS), 1)


def _time(seconds: float) -> str:
    return "a day or more" if seconds >= LONGEST_SECONDS else duration(seconds)
