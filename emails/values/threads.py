"""Mail threads: which ids a mail quotes (RFC 5322, 3.6.4), and what a later reply needs."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from emails.values.addresses import ENCODED_WORD, decoded_word

MAX_IDS = 300
"""How many ids of a reply we try. A longer thread is found by its newest ids."""

_ID = re.compile(r"<([^<>]*)>")
_BETWEEN_WORDS = re.compile(r"(\?=)[ \t\r\n]+(?==\?)")
_BLANKS = re.compile(r"[ \t\r\n]+")
"""Not those that Python knows: octets of UTF-8 are among them, if read as Latin-1."""
_AROUND_AT = re.compile(r"(?<![ \t\r\n])[ \t\r\n]*@[ \t\r\n]*")


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
    """Read the ids in a header value, in order and without brackets.

    Some programs write them as encoded words, break long ones, or leave out the brackets; then only
    what has an `@` is an id.
    """
    if "=?" in value:
        value = ENCODED_WORD.sub(decoded_word, _BETWEEN_WORDS.sub(r"\1", value))
    if found := [_BLANKS.sub("", inside) for inside in _ID.findall(value)]:
        return [one for one in found if one]
    return [one.strip("<>") for one in _BLANKS.split(_AROUND_AT.sub("@", value)) if "@" in one]
