"""Reads the mailboxes in an address field: `From`, `Reply-To` and the like (RFC 5322, 3.4).

The only parser for these fields, so that the sender we show, the sender we judge and the address we
answer are always the same. We can't use `email.utils.getaddresses`: its results differ between
Python's patch releases, and the strict ones return nothing for fields that mail programs write
every day. Like those programs, this parser accepts what the writer meant: unquoted dots in names,
commas in encoded words, addresses as names, unclosed brackets and quotes.
"""

import functools
import re
from binascii import Error, a2b_base64, a2b_qp
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

MAX_VALUE = 10_000
"""How many characters of a field we read. No honest field is longer."""

BLANKS = " \t\r\n"
"""All whitespace of a header field. Python counts more as such: with octets read as Latin-1, also
the second octet of a UTF-8 `à` (0xA0) and `Å` (0x85)."""

# An encoded word is one token: it may contain a comma that the mail program forgot to encode.
ENCODED_WORD = re.compile(rf'=\?[^?{BLANKS}"<>]+\?([bBqQ])\?([^?"<>]*)\?=')
_TOKEN = re.compile(
    rf"{ENCODED_WORD.pattern}|\[[^\[\]<>\\{BLANKS}]*\]|\\.|[{BLANKS}]+"
    rf'|[^\\"()<>,;:=\[{BLANKS}]+|.',
    re.DOTALL,
)
# The lookbehinds keep the time linear: a match starts only where a run of characters starts.
_ADDRESS = re.compile(rf'(?<![^{BLANKS}<>"(),;:@])[^{BLANKS}<>"(),;:@]++@[^{BLANKS}<>"(),;:@]++')
# A line that doesn't start with whitespace isn't part of the field.
_NEXT_LINE = re.compile(r"(?<![\r\n])[\r\n]++[^ \t\r\n].*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A display name and an address. Either may be empty; encoded words stay encoded.

    `is_guess`: the field is malformed around the address, so it proves nothing about the sender.
    """

    name: str
    address: str
    is_guess: bool = False


def read_mailboxes(value: str) -> tuple[Mailbox, ...]:
    """Read the mailboxes in a field's value, in order."""
    return _read_mailboxes(value[: MAX_VALUE + 1])


# Each rule asks for itself, eleven times a mail, and mostly for the same few values.
@functools.lru_cache(maxsize=64)
def _read_mailboxes(value: str) -> tuple[Mailbox, ...]:
    text = _NEXT_LINE.sub("", value[:MAX_VALUE])
    found = [box for box in _Reader().read(text) if box.name or box.address]
    if not any(box.address for box in found):
        plain = ENCODED_WORD.sub(decoded_word, text)
        found = _guesses(plain) or found
    if len(value) > MAX_VALUE and found:
        found[-1] = replace(found[-1], address="")  # it may have been cut in two
    return tuple(found)


def _guesses(text: str) -> list[Mailbox]:
    return [Mailbox("", address, is_guess=True) for address in _ADDRESS.findall(text)]


def decoded_word(word: re.Match[str]) -> str:
    """Decode an encoded word well enough to find an ASCII address in it."""
    octets = word[2].encode("ascii", "replace")
    try:
        decoded = a2b_qp(octets, header=True) if word[1] in "qQ" else a2b_base64(octets + b"==")
    except Error:
        return ""
    return decoded.decode("latin-1")


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    is_quoted: bool = False  # `text` is without the quotes


@dataclass(slots=True)
class _Word:
    """Text between whitespace, as written in the field."""

    text: str
    is_address: bool


def _words(pieces: list[_Piece]) -> Iterator[_Word]:
    """Join pieces into words, ignoring whitespace around an `@`."""
    word: _Word | None = None
    is_apart = False
    for piece in pieces:
        if not piece.is_quoted and not piece.text.strip(BLANKS):
            is_apart = True
            continue
        joins_on = not piece.is_quoted and piece.text.startswith("@")
        if word and is_apart and not joins_on and not word.text.endswith("@"):
            yield word
            word = None
        word = word or _Word("", is_address=False)
        word.text += _requoted(piece)
        word.is_address |= not piece.is_quoted and _has_at_sign(piece.text)
        is_apart = False
    if word:
        yield word


def _requoted(piece: _Piece) -> str:
    if not piece.is_quoted:
        return piece.text
    escaped = piece.text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _has_at_sign(text: str) -> bool:
    return "@" in text and not ENCODED_WORD.fullmatch(text)


def _is_whole(text: str) -> bool:
    return text[0] != "@" != text[-1]


def _addresses(pieces: list[_Piece] | None) -> list[str]:
    return [word.text for word in _words(pieces or []) if word.is_address and _is_whole(word.text)]


def _text(pieces: list[_Piece] | None) -> str:
    return "".join(piece.text for piece in pieces or []).strip(BLANKS)


@dataclass(slots=True)
class _Reader:
    """Reads token by token. `words`, `angle` and `behind`: the text before, in and after `<>`."""

    words: list[_Piece] = field(default_factory=list)
    angle: list[_Piece] | None = None
    behind: list[_Piece] = field(default_factory=list)
    is_in_angle: bool = False
    comment: list[str] = field(default_factory=list)
    depth: int = 0  # of nested comments
    quote: list[str] | None = None
    colons: int = 0

    def read(self, text: str) -> Iterator[Mailbox]:
        for match in _TOKEN.finditer(text):
            if self.quote is not None:
                self._read_in_quote(match[0], self.quote)
            elif self.depth:
                self._read_in_comment(match[0])
            else:
                yield from self._read_outside(match[0])
        unclosed = self.comment if self.depth else []
        if self.quote is not None:
            unclosed = self.quote
            self._add(_Piece("".join(unclosed), is_quoted=True))
        guesses = _guesses("".join(unclosed))
        yield from (box for box in self._finish() if box.address or not guesses)
        yield from guesses

    def _read_in_quote(self, part: str, quote: list[str]) -> None:
        if part == '"':
            self._add(_Piece("".join(quote), is_quoted=True))
            self.quote = None
        else:
            quote.append(part[1:] if part[0] == "\\" else part)

    def _read_in_comment(self, part: str) -> None:
        self.depth += (part == "(") - (part == ")")
        if self.depth:
            self.comment.append(part[1:] if part[0] == "\\" else part)

    def _read_outside(self, part: str) -> Iterator[Mailbox]:
        match part:
            case '"':
                self.quote = []
            case "(":
                self.depth = 1
            case "<":
                yield from self._open()
            case ">":
                self.is_in_angle = False
            case "," | ";":
                if self._is_in_route():
                    self._add(_Piece(part))
                else:
                    yield from self._finish()
            case ":":
                yield from self._colon()
            case _:
                self._add(_Piece(part))

    def _add(self, piece: _Piece) -> None:
        if self.angle is None:
            self.words.append(piece)
        else:
            (self.angle if self.is_in_angle else self.behind).append(piece)

    def _is_in_route(self) -> bool:
        """Return whether this is in the hosts before an address: `<@a.example,@b.example:c@d>`."""
        return self.is_in_angle and _text(self.angle).startswith("@")

    def _open(self) -> Iterator[Mailbox]:
        """Start an address in brackets. A second one starts a new mailbox, even without a comma."""
        words = self.behind
        if _addresses(self.angle):
            self.behind = []
            yield from self._finish()
            self.words = words
        else:
            self.words += words
        self.angle, self.behind, self.is_in_angle = [], [], True

    def _colon(self) -> Iterator[Mailbox]:
        """Drop what the colon ends: the name of a group, a route, or a scheme like `mailto:`."""
        self.colons += 1
        if self._is_in_route():
            self.angle = []
        elif _addresses(self.angle if self.angle is not None else self.words):
            yield from self._finish()
        elif self.is_in_angle:
            self.angle = []
        else:
            self.words = []

    def _finish(self) -> Iterator[Mailbox]:
        """Return the mailboxes read since the last comma (usually one), and reset."""
        name, comment = _text(self.words), "".join(self.comment).strip(BLANKS)
        is_guess = self.colons > 1  # groups do not nest
        if addresses := _addresses(self.angle):
            name = name or ("" if _addresses(self.behind) else _text(self.behind)) or comment
            # Other readers may take `<a@b .c>` for `a@b.c`.
            is_guess |= len(addresses) < sum(1 for _ in _words(self.angle or []))
            addresses += _addresses(self.behind)
        elif addresses := _addresses(self.words):
            before = [word.text for word in _words(self.words) if not word.is_address]
            name = " ".join(before).strip('"') or comment
        else:
            name = name or comment or _text(self.angle)
        yield Mailbox(name, addresses[0] if addresses else "", is_guess and bool(addresses))
        yield from (Mailbox("", address, is_guess) for address in addresses[1:])
        self.words, self.angle, self.behind, self.comment = [], None, [], []
        self.is_in_angle, self.colons = False, 0
