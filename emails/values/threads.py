"""Threads of mails: which ids a mail quotes (RFC 5322, 3.6.4), and what a later reply needs."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

MAX_IDS = 300
"""How many ids of a reply are tried: a thread that is longer is found by its newest ones."""

_ID = re.compile(r"<([^<>]*)>")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Thread:
    """What a reply needs to know of the mail that was forwarded: who wrote it, and its ids."""

    correspondent: str
    message_id: str | None
    references: tuple[str, ...]


def quoted_ids(in_reply_to: Iterable[str], references: Iterable[str]) -> tuple[str, ...]:
    """List the ids that a reply quotes: `In-Reply-To` first, then `References`, newest first.

    Clients fold ids, and some leave the angle brackets out.
    """
    first = [one for value in in_reply_to for one in ids_in(value)]
    older = [one for value in references for one in ids_in(value)]
    return tuple(dict.fromkeys([*first[:MAX_IDS], *reversed(older)]))[:MAX_IDS]


def ids_in(value: str) -> list[str]:
    """Read the ids of a header value, without brackets; in their order."""
    found = [_SPACES.sub("", inside) for inside in _ID.findall(value)] or value.split()
    return [one for one in found if "@" in one]
