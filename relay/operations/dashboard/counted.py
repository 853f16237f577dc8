"""What the last ten minutes counted: outcomes, and why mail did not get through at once. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from emails.values.outcomes import NAMES as OUTCOMES
from relay.operations.dashboard.snapshot import FromRedis
from relay.operations.judgement.facts import Progress
from relay.operations.judgement.found import ranked

_COUNTED = (*OUTCOMES, "not_settled", "failed", "rejected", "postponed")
_SHOWN_MINUTES = 5
_WORDS = {
    "nomask": "no such mask",
    "not_settled": "attempt failed",
    "failed": "dead-lettered",
    "rejected": "rejected by the bridge",
    "postponed": "parked or deferred by the bridge",
}
_MOST_REASONS = 12


@dataclass(frozen=True, slots=True)
class _Ranking:
    """What is counted by reason: its name in the tally, the page that lists it, where the reasons
    have this prefix, and the runbook's section.
    """

    counted: str
    page: str
    anchor: str
    prefix: str = ""


_RANKINGS = (
    _Ranking("not_settled", "retries", "many-messages-are-tried-again"),
    _Ranking("failed", "dead_letters", "dead-letters-in-redis"),
    _Ranking("rejected", "sqs_dead_letters", "messages-are-rejected", "rejected:"),
    _Ranking("held", "held_mails", "an-owner-asks-about-held-mail"),
)


def outcomes(redis: FromRedis) -> dict[str, Any]:
    """Return the sum over all minutes, and the latest minutes, the present one first."""
    present = redis.first_minute + len(redis.counts) - 1
    minutes = range(present, present - _SHOWN_MINUTES, -1)
    newest_first = redis.counts[: -_SHOWN_MINUTES - 1 : -1]
    return {
        "minutes": [datetime.fromtimestamp(m * 60, UTC).strftime("%H:%M") for m in minutes],
        "rows": [
            {
                "name": words_for(name),
                "counts": [f"{counts.get(name, 0):,}" for counts in newest_first],
                "sum": f"{redis.counted(name):,}",
            }
            for name in _COUNTED
        ],
    }


def words_for(counted: str) -> str:
    """Return the words for a name of the tally."""
    return _WORDS.get(counted, counted)


def reasons(redis: FromRedis, runbook: str, lists: Mapping[str, str]) -> list[dict[str, str]]:
    """Return why mail did not get through at once, the most frequent reasons first.

    Each leads to the list of what it was counted for, and to the runbook.
    """
    progress = Progress(redis.first_minute, redis.counts)
    found = [
        (number, reason, ranking)
        for ranking in _RANKINGS
        for reason, number in ranked(progress, ranking.counted)
    ]
    return [
        {
            "reason": reason,
            "what": words_for(ranking.counted),
            "count": f"{number:,}",
            "link": _list_of(ranking, reason, lists),
            "runbook": f"{runbook}#{ranking.anchor}",
        }
        for number, reason, ranking in sorted(found, key=lambda one: (-one[0], one[1]))[
            :_MOST_REASONS
        ]
    ]


def _list_of(ranking: _Ranking, reason: str, lists: Mapping[str, str]) -> str:
    return f"{lists.get(ranking.page, '')}?{urlencode({'reason': ranking.prefix + reason})}"
