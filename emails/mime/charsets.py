"""Decodes texts, and encodes them again, even if the declared charset is wrong.

A text is only written in another charset if we are sure what it says: if it is valid in the
declared charset, or valid UTF-8 (texts in other charsets are almost never valid UTF-8 by accident).
All others keep their octets and the declared name, since nobody could undo a wrong guess.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from emails.mime.charset_names import codec_of
from emails.mime.japanese import from_euc_jp, from_iso_2022_jp

_ESCAPED = re.compile("[\udc80-\udcff]")

# In these, an ASCII byte may be part of another character, or of an escape sequence.
_NOT_OVER_ASCII = re.compile(
    r"utf_(?!8)|iso2022|hz\Z|cp(?:037|1026|1140|273|424|500|864)\Z"  # the numbers: EBCDIC
)
_WINDOWS_1252 = {
    octet: character
    for octet in range(0x80, 0xA0)
    if (character := bytes([octet]).decode("cp1252", "ignore"))
}
_MAYBE_JAPANESE = frozenset({None, "ascii", "utf_8", "cp1252"})
"""Where escape sequences of ISO-2022-JP make no sense, so that they say what the text is."""

_TOLERATED = 0.05
"""The share of undecodable bytes up to which a text is still read in the declared charset."""

_TRANSPARENT = "latin_1"
"""A codec that decodes and encodes all octets."""


@dataclass(frozen=True, slots=True)
class Text:
    """A decoded text. `codec` encodes it to the same bytes; `label` is the charset's name in mail.

    Undecodable bytes are lone surrogates (PEP 383). `fits` is false if the declared charset was
    unknown, wrong, or missing though the text isn't ASCII. `is_sure`: we know what it says, so it
    may be written as UTF-8. `is_read`: its characters are right, but for undecodable bytes.
    """

    text: str
    codec: str
    label: str
    fits: bool = True
    is_sure: bool = True
    is_read: bool = True

    def encoded(self, text: str) -> bytes | None:
        """Encode another text in the same charset. None: it lacks one of the characters."""
        try:
            return text.encode(self.codec, "surrogateescape")
        except UnicodeError:
            return None

    def may_hold(self, addition: str) -> bool:
        """Return whether something can be added to the text without any guess."""
        return self.is_sure or (self.is_read and self.encoded(addition) is not None)


def read(data: bytes, label: str) -> Text:
    """Decode a text whose declared charset is `label` (empty: not declared)."""
    codec = codec_of(label) if label else None
    if codec or not label:
        if text := _surely(data, codec, label):
            return text
        if codec and (text := _nearly(data, codec, label, max_bad=int(_TOLERATED * len(data)))):
            return text
    return Text(
        data.decode(_TRANSPARENT), _TRANSPARENT, label, fits=False, is_sure=False, is_read=False
    )


def shown(data: bytes, label: str) -> str:
    """Decode a few words for display. In doubt they are read as Windows-1252, which fits all."""
    codec = codec_of(label) if label else None
    if text := _surely(data, codec, label):
        return text.text
    if codec and (nearly := _nearly(data, codec, label, max_bad=len(data) // 4)):
        return _ESCAPED.sub("\ufffd", nearly.text)
    return data.decode("latin-1").translate(_WINDOWS_1252)


def exactly(data: bytes, label: str) -> str | None:
    """Decode what is valid in a charset. None: it isn't, or we don't know the charset."""
    codec = codec_of(label)
    try:
        return _decoded(data, codec) if codec else None
    except UnicodeError:
        return None


def _surely(data: bytes, codec: str | None, label: str) -> Text | None:
    if data.isascii() and codec in _MAYBE_JAPANESE and b"\x1b$" in data:
        return _exactly(data, "iso2022_jp", "iso-2022-jp", fits=False)
    is_over_ascii = codec is None or not _NOT_OVER_ASCII.match(codec)
    if data.isascii() and is_over_ascii:
        return Text(data.decode("ascii"), codec or "utf_8", label if codec else "utf-8")
    if codec and (text := _exactly(data, codec, label, fits=True)):
        return text
    # ASCII is valid UTF-8, so that proves nothing of a text that should hold escape sequences. And
    # programs believe a label that they know.
    may_be_utf_8 = not data.isascii() and codec in (None, "ascii")
    return _exactly(data, "utf_8", "utf-8", fits=False) if may_be_utf_8 else None


def _exactly(data: bytes, codec: str, label: str, *, fits: bool) -> Text | None:
    try:
        text = _decoded(data, codec)
    except UnicodeError:
        return None
    if _is_written_as(text, codec, data):
        return Text(text, codec, label, fits)
    # If encoding doesn't give the same bytes again, write UTF-8 instead.
    return Text(text, "utf_8", "utf-8", fits)


def _is_written_as(text: str, codec: str, data: bytes) -> bool:
    try:
        return text.encode(codec) == data
    except UnicodeError:
        return False


def _decoded(data: bytes, codec: str) -> str:
    return _AS_BROWSERS_DO.get(codec, bytes.decode)(data, codec)


def _from_gb18030(data: bytes, codec: str) -> str:
    """Browsers and Windows have the euro sign where GB 18030 has nothing."""
    try:
        return data.decode(codec)
    except UnicodeError:
        text = data.decode(codec, "surrogateescape").replace("\udc80", "€")
        text.encode("utf-8")  # fails if anything else is undecodable
        return text


_AS_BROWSERS_DO: dict[str, Callable[[bytes, str], str]] = {
    "euc_jp": lambda data, codec: from_euc_jp(data),
    "gb18030": _from_gb18030,
    "iso2022_jp": lambda data, codec: from_iso_2022_jp(data),
    "iso2022_jp_1": lambda data, codec: from_iso_2022_jp(data),
    "iso2022_jp_ext": lambda data, codec: from_iso_2022_jp(data),
}


def _nearly(data: bytes, codec: str, label: str, *, max_bad: int) -> Text | None:
    """Decode a text that has a few bad bytes, such as a truncated character."""
    try:
        text = data.decode(codec, "surrogateescape")
        if text.encode(codec, "surrogateescape") != data:
            return None
    except UnicodeError:
        return None
    good, bad = _ESCAPED.subn("", text)
    if good.isascii() or bad > max_bad:
        return None
    return Text(text, codec, label, fits=False, is_sure=False)
