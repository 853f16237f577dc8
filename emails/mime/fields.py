"""Header fields: decoded leniently, and written strictly.

Reading accepts raw 8-bit text and malformed encoded words (RFC 2047). Written fields are ASCII,
folded, and without control characters, so no value can inject another header.
"""

import re
from base64 import b64encode
from binascii import a2b_qp
from dataclasses import dataclass, field

from emails.mime import charsets
from emails.mime.encoding import BASE64
from emails.mime.encoding import decoded as from_transfer

_NEEDS_PERCENT = re.compile(rb"[^A-Za-z0-9._~-]", re.DOTALL)

MAX_VALUE = 4_000
"""Characters of a value that are kept: more than any mail program shows."""

MAX_OCTETS = 4 * MAX_VALUE
"""Octets of a value that are decoded."""

_WORD = re.compile(rb"=\?([!->@-~]{1,60})\?([bBqQ])\?([^?\r\n]*)\?=")
_BETWEEN_WORDS = re.compile(rb"(\?=)[ \t]+(?==\?[!->@-~]{1,60}\?[bBqQ]\?)")
_WHOLE_WORD = re.compile(r"(=\?[!->@-~]{1,60}\?[bBqQ]\?[!->@-~]{1,400}\?=)")
_BARE_EQUALS = re.compile(rb"=(?![0-9A-Fa-f]{2})")
_HIGH_ESCAPE = re.compile(rb"=[89A-Fa-f][0-9A-Fa-f]")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)
_FOLDABLE = re.compile(r"[!-~]{1,400}+(?: {1,2}[!-~]{1,400}+)*")
_WORD_OCTETS = 39
"""Octets in one encoded word, so that a line with a field name and one word fits 76 characters."""

LINE = 76
"""Characters in a line that we write."""

_NOT_WRITTEN = re.compile(r"[^\x20-\x7e\t]+")


def decoded(value: bytes, *, keeps_unread: bool = False) -> str:
    """Decode a value for display: in one line, without control characters.

    `keeps_unread`: leave encoded words as they are whose charset we don't know, or don't find in
    them; `encoded` leaves them, too. Otherwise they are read as Windows-1252.
    """
    text = _CONTROLS.sub(" ", _text(value[:MAX_OCTETS], keeps_unread=keeps_unread))
    return text.encode("utf-8", "replace").decode().strip()


def _text(value: bytes, *, keeps_unread: bool) -> str:
    """Decode a value, joining adjacent encoded words first: a character may span two of them."""
    if b"=?" not in value:
        return _raw_text(value)
    # Blanks between two encoded words are not part of the text: RFC 2047, 6.2.
    value = _BETWEEN_WORDS.sub(rb"\1", value)
    pieces: list[str] = []
    words = _Words()
    at = 0
    for word in _WORD.finditer(value):
        label, octets = _word(word)
        if word.start() > at or label != words.label:
            pieces += [words.text(keeps_unread=keeps_unread), _raw_text(value[at : word.start()])]
            words = _Words(label)
        words.octets.append(octets)
        words.written.append(word[0])
        at = word.end()
    return "".join([*pieces, words.text(keeps_unread=keeps_unread), _raw_text(value[at:])])


def _raw_text(octets: bytes) -> str:
    if octets.isascii() and b"\x1b$" not in octets:
        return octets.decode("ascii")
    return charsets.shown(octets, "iso-2022-jp" if octets.isascii() else "utf-8")


@dataclass(slots=True)
class _Words:
    """Adjacent encoded words in one charset: their octets, and how they are written."""

    label: str = ""
    octets: list[bytes] = field(default_factory=list)
    written: list[bytes] = field(default_factory=list)

    def text(self, *, keeps_unread: bool) -> str:
        whole = b"".join(self.octets)
        if not keeps_unread or _is_read(whole, self.label):
            return charsets.shown(whole, self.label)
        return " ".join(
            charsets.shown(octets, self.label)
            if _is_read(octets, self.label)
            else written.decode("ascii", "replace")
            for octets, written in zip(self.octets, self.written, strict=True)
        )


def _is_read(octets: bytes, label: str) -> bool:
    return octets.isascii() or charsets.read(octets, label).is_sure


def _word(word: re.Match[bytes]) -> tuple[str, bytes]:
    """Return a word's charset and its octets, decoded once.

    Raw octets in it may be UTF-8, whatever charset it names: then nothing else in it is over 127.
    """
    label = word[1].partition(b"*")[0].lower().decode("ascii")
    written = word[3]
    if word[2] in b"bB":
        return label, from_transfer(written, BASE64)[0]
    octets = a2b_qp(_BARE_EQUALS.sub(b"=3D", written), header=True)
    is_raw = not written.isascii() and not _HIGH_ESCAPE.search(written)
    return ("utf-8" if is_raw and charsets.exactly(octets, "utf-8") else label), octets


def encoded(text: str, *, first_line: int = 0) -> str:
    """Encode a text as a header's value, folded; as encoded words if necessary (RFC 2047).

    `first_line` is the number of characters already used in the first line. Words in it whose
    charset we can't read stay as they are: others may.
    """
    if "=?" in text and any(map(_is_unread, _WHOLE_WORD.split(text))):
        pieces = [
            one if _is_unread(one) else _as_words(one) for one in _WHOLE_WORD.split(text) if one
        ]
        return "\r\n ".join(pieces)
    if "=?" in text or not _FOLDABLE.fullmatch(text):
        return _as_words(text) if text else ""
    return _folded(text, first_line)


def _is_unread(piece: str) -> bool:
    word = _WORD.fullmatch(piece.encode("ascii", "replace"))
    if word is None or not _WHOLE_WORD.fullmatch(piece):
        return False
    label, octets = _word(word)
    return not _is_read(octets, label)


def _folded(text: str, first_line: int) -> str:
    """Fold at blanks and keep them, so that unfolding restores the text."""
    lines, line = [], ""
    room = LINE - first_line
    for piece in re.findall(r" *[!-~]+", text):
        if line and len(line) + len(piece) > room:
            lines.append(line)
            line, room = "", LINE
        line += piece
    return "\r\n".join([*lines, line])


def _as_words(text: str) -> str:
    octets = text.encode("utf-8", "replace")
    words, at = [], 0
    while at < len(octets):
        end = min(at + _WORD_OCTETS, len(octets))
        while end < len(octets) and octets[end] & 0xC0 == 0x80:
            end -= 1  # a word must contain whole characters
        # Some mail programs show a blank between words, so split at one if possible.
        if end < len(octets) and (blank := octets.rfind(b" ", at, end)) > at:
            end = blank + 1
        words.append(f"=?utf-8?b?{b64encode(octets[at:end]).decode()}?=")
        at = end
    return "\r\n ".join(words)


def written(name: str, value: str) -> bytes:
    """Write a field whose value is already ASCII and folded. No value can end the field early.

    Characters that aren't allowed (a caller's mistake, or an invalid address) become blanks.
    """
    lines = [_NOT_WRITTEN.sub(" ", line) for line in value.split("\r\n")]
    folded = "".join(f"\r\n {line.removeprefix(' ')}" for line in lines[1:] if line.strip())
    return f"{name}: {lines[0]}{folded}\r\n".encode("ascii")


def without_quoted_pairs(value: bytes) -> bytes:
    """Remove the backslashes before escaped characters: RFC 5322, 3.2.1."""
    return _QUOTED_PAIR.sub(rb"\1", value)


def percent_encoded(text: str) -> str:
    """Encode all characters but letters, digits and `._~-` (RFC 3986, 2.3)."""
    octets = text.encode("utf-8", "replace")
    return _NEEDS_PERCENT.sub(lambda found: b"%%%02X" % ord(found[0]), octets).decode()
