"""Who wrote a mail, as its reader may be shown: a name that can't be mistaken for an address."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from emails.mime.fields import decoded

_MAX_HEADER = 8_000
_MAX_NAME = 70
_MAX_ADDRESS = 254  # RFC 5321, 4.5.3.1.3

# An encoded word is one token: it may hold a comma that some programs forget to encode.
_TOKEN = re.compile(r'=\?[^?\s]+\?[bBqQ]\?[^?]*\?=|\\.|[^\\"()<>,;:=]+|.', re.DOTALL)
_ADDRESS = re.compile(r"[^\s<>\"(),;:@]+@[^\s<>\"(),;:@]+")
# What overrides the direction of writing or can't be seen, and what quotes an address.
_TRICKS = re.compile('[\u200b\u202a-\u202e\u2060-\u2069\ufeff\u00ad<>"\\\\]+')
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One author; either may be empty."""

    name: str
    address: str


def mailboxes(value: bytes) -> list[Mailbox]:
    """Read the authors in a header's value (RFC 5322, 3.4), and what comes near to it."""
    text = value[:_MAX_HEADER].decode("latin-1")
    found = [box for box in _Reader().read(text) if box.name or box.address]
    if any(box.address for box in found):
        return found
    # A quote that never ends, or an address within an encoded word.
    loose = [Mailbox("", address) for address in _ADDRESS.findall(decoded(value[:_MAX_HEADER]))]
    return loose or found


def label(box: Mailbox) -> str:
    """Write an author for a display name: `Ann <ann@sender.example>`.

    The address is always there. A name that holds another one, or anything that looks like an
    address, is left out: some programs show the name alone.
    """
    address = _tamed(box.address.encode("latin-1", "replace"))[:_MAX_ADDRESS]
    name = _tamed(box.name.encode("latin-1", "replace"))
    if "@" in name or "\uff20" in name:
        name = ""
    if len(name) > _MAX_NAME:
        name = name[: _MAX_NAME - 1].rstrip() + "…"
    if name and address:
        return f"{name} <{address}>"
    return name or address


def _tamed(raw: bytes) -> str:
    return _BLANKS.sub(" ", _TRICKS.sub(" ", decoded(raw))).strip()


class _Reader:
    """Reads a list of mailboxes piece by piece; comments may nest, quotes may stay open."""

    def __init__(self) -> None:
        self._reset()
        self.quoted = False
        self.depth = 0  # of comments

    def _reset(self) -> None:
        self.words: list[str] = []
        self.comment: list[str] = []
        self.angle: list[str] | None = None
        self.in_angle = False

    def read(self, text: str) -> Iterator[Mailbox]:
        for piece in _TOKEN.findall(text):
            if self.quoted or self.depth:
                self._inside(piece)
            elif piece in (",", ";") and not self.in_angle:
                yield self._mailbox()
                self._reset()
            else:
                self._outside(piece)
        yield self._mailbox()

    def _inside(self, piece: str) -> None:
        """Take what stands in quotes or in a comment."""
        if self.quoted:
            if piece == '"':
                self.quoted = False
            else:
                self._add(piece[1:] if piece[0] == "\\" else piece)
            return
        self.depth += (piece == "(") - (piece == ")")
        if self.depth:
            self.comment.append(piece)

    def _outside(self, piece: str) -> None:
        if piece == '"':
            self.quoted = True
        elif piece == "(":
            self.depth = 1
        elif piece == "<":
            self.angle, self.in_angle = [], True
        elif piece == ">":
            self.in_angle = False
        elif piece == ":" and self.in_angle:
            self.angle = []  # what came before was a route
        elif piece == ":":
            self.words = []  # what came before was a group's name
        else:
            self._add(piece)

    def _add(self, piece: str) -> None:
        if self.in_angle and self.angle is not None:
            self.angle.append(piece)
        else:
            self.words.append(piece)

    def _mailbox(self) -> Mailbox:
        words, comment = "".join(self.words).strip(), "".join(self.comment).strip()
        if self.angle is not None:
            return Mailbox(words or comment, "".join("".join(self.angle).split()))
        if "@" in words:
            return Mailbox(comment, "".join(words.split()))
        return Mailbox(words or comment, "")
