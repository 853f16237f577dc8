"""Text of strangers, made harmless to show among our own words: one line, bounded, no links.

Mail programs make links of what looks like one, also in plain text: a zero-width space at each
place where an address or a host is joined stops them, and lets long words wrap.
"""

import re
from collections.abc import Collection

from emails.mime.author_label import authors
from emails.mime.fields import decoded
from emails.mime.structure import Part
from emails.values.digests import Author

MAX_SUBJECT = 150
MAX_NAME = 60
MAX_ADDRESS = 100

_JOINT = "\u200b"
_JOINS = re.compile(r"(?<=[:/.@])(?=\S)")
_AT_SIGNS = frozenset("@\uff20\ufe6b")
_BLANKS = re.compile(r"\s+")


def inert(text: str, limit: int) -> str:
    """Return the text in one line of at most `limit` characters, in which nothing is a link.

    Leaves out what is invisible or turns the direction of writing: `str.isprintable` is False for
    all of that (Unicode's categories Cc, Cf, Cs, Co, Cn, Zl and Zp).
    """
    return _JOINS.sub(_JOINT, _plain(text, limit))


def subject_in(mail: Part) -> str:
    """Return the first subject, inert; empty if there is none."""
    return inert(decoded(next(iter(mail.values("subject")), b"")), MAX_SUBJECT)


def author_in(mail: Part, our_domains: Collection[str], *, is_verified: bool) -> Author | None:
    """Return who a mail says it is from, inert. None: it has not exactly one author.

    A name that looks like an address, or that names a domain of ours, is left out.
    """
    values = mail.values("from")
    boxes = authors(values[0]) if len(values) == 1 else []
    if len(boxes) != 1 or not boxes[0].address:
        return None
    address = _plain(_decoded(boxes[0].address), MAX_ADDRESS)
    name = _plain(_decoded(boxes[0].name), MAX_NAME)
    if _AT_SIGNS & set(name) or any(domain in name.lower() for domain in our_domains):
        name = ""
    host = address.rpartition("@")[2].lower()
    is_ours = any(host == one or host.endswith(f".{one}") for one in our_domains)
    return Author(
        address=_JOINS.sub(_JOINT, address),
        name=_JOINS.sub(_JOINT, name),
        is_verified=is_verified,
        is_posing=is_ours and not is_verified,
    )


def _plain(text: str, limit: int) -> str:
    visible = "".join(one if one.isprintable() else " " for one in text[: 10 * limit])
    line = _BLANKS.sub(" ", visible).strip()
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def _decoded(value: str) -> str:
    """Decode what `authors` read as Latin-1."""
    return decoded(value.encode("latin-1", "replace"))
