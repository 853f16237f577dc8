"""Mail threads: which ids a mail quotes (RFC 5322, 3.6.4), and what a later reply needs."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

MAX_IDS = 300
"""How many ids of a reply we try. A longer thread is found by its newest ids."""

_ID = re.compile(r"<([^<>]*)>")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Thread:
    """What a reply needs to know about the forwarded mail: who wrote it, and its ids."""

    correspondent: str
    message_id: str | None
    references: tuple[str, ...]


def quoted_ids(in_reply_to: Iterable[str], references: Iterable[str]) -> tuple[str, ...]:
    """List the ids that a reply quotes: `In-Reply-To` first, then `References`, newest first.

    Mail programs fold ids, and some omit the angle brackets.
    """
    first = [one for value in in_reply_to for one in ids_in(value)]
    older = [one for value in references for one in ids_in(value)]
    return tuple(dict.fromkeys([*first[:MAX_IDS], *reversed(older)]))[:MAX_IDS]


def ids_in(value: str) -> list[str]:
    """Read the ids in a header value, in order and without brackets."""
    found = [_SPACES.sub("", inside) for inside in _ID.findall(value)] or value.split()
    return [one for one in found if "@" in one]
