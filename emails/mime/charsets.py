"""Bytes of a text ↔ the text, whatever charset they claim to be in.

What is declared is believed where it fits. Where it doesn't, it is UTF-8 if it can be that (other
texts look like UTF-8 by a miracle only), else Windows-1252, which has a letter for almost any byte.
"""

import re
from dataclasses import dataclass
from encodings.aliases import aliases
from functools import lru_cache

_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]+")
_ESCAPED = re.compile("[\udc80-\udcff]")

# Names that mail programs give to a charset when they mean the larger one that contains it.
# https://encoding.spec.whatwg.org/#names-and-labels
_MEANT = {
    "big5": "big5hkscs",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso8859_11": "cp874",
    "iso8859_9": "cp1254",
    "latin_1": "cp1252",
    "shift_jis": "cp932",
    "tis_620": "cp874",
}
# Codecs of Python's that aren't charsets, or that only one platform has.
_NO_CHARSETS = frozenset(
    f"{name}_codec" for name in ("base64", "bz2", "hex", "quopri", "uu", "zlib")
) | {"mbcs", "rot_13"}
_CODECS = (frozenset(aliases.values()) | {"cp720", "cp737", "cp874", "koi8_u"}) - _NO_CHARSETS

# In these an ASCII byte may be a part of another character, or of a switch.
_NOT_OVER_ASCII = re.compile(
    r"utf_(?!8)|iso2022|hz\Z|cp(?:037|1026|1140|273|424|500|864)\Z"  # the numbers: EBCDIC
)
_WINDOWS_1252 = {
    octet: character
    for octet in range(0x80, 0xA0)
    if (character := bytes([octet]).decode("cp1252", "ignore"))
}
_TOLERATED = 0.05
"""Which share of a text may be unreadable before another charset is taken."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text that was read. `codec` writes it back to the same bytes; `label` is its name in mail.

    Bytes that could not be read are carried as lone surrogates (PEP 383). `fits` is false if the
    declared charset was unknown, missing where it was needed, or wrong.
    """

    text: str
    codec: str
    label: str
    fits: bool = True

    def encoded(self, text: str) -> bytes | None:
        """Write another text in the same charset. None: it lacks one of the characters."""
        try:
            return text.encode(self.codec, "surrogateescape")
        except UnicodeError:
            return None


@lru_cache(maxsize=256)
def codec_of(label: str) -> str | None:
    """Find the codec for a charset's name; None: there is no such charset."""
    key = _NOT_IN_A_NAME.sub("_", label.lower()[:40]).strip("_").removeprefix("x_")
    codec = key if key in _CODECS else aliases.get(key)
    codec = _MEANT.get(codec or "", codec)
    return codec if codec in _CODECS else None


def read(data: bytes, label: str) -> Text:
    """Read a text that is declared to be in the charset `label` (empty: not declared)."""
    codec = codec_of(label) if label else None
    if data.isascii() and not (codec and _NOT_OVER_ASCII.match(codec)):
        fits = codec is not None or not label
        return Text(data.decode("ascii"), codec or "utf_8", label if codec else "utf-8", fits)
    if codec and (text := _exactly(data, codec, label, fits=True)):
        return text
    if text := _exactly(data, "utf_8", "utf-8", fits=False):
        return text
    if codec and (text := _nearly(data, codec, label)):
        return text
    return Text(data.decode("latin-1").translate(_WINDOWS_1252), "utf_8", "utf-8", fits=False)


def _exactly(data: bytes, codec: str, label: str, *, fits: bool) -> Text | None:
    try:
        text = data.decode(codec)
        same = text.encode(codec) == data
    except UnicodeError:
        return None
    # What would not be written back as it was is written in UTF-8 instead.
    return Text(text, codec, label, fits) if same else Text(text, "utf_8", "utf-8", fits)


def _nearly(data: bytes, codec: str, label: str) -> Text | None:
    """Read a text with a few bad bytes in it, such as a character that was cut off."""
    try:
        text = data.decode(codec, "surrogateescape")
        if text.encode(codec, "surrogateescape") != data:
            return None
    except UnicodeError:
        return None
    good, bad = _ESCAPED.subn("", text)
    if good.isascii() or bad > _TOLERATED * len(text):
        return None
    return Text(text, codec, label, fits=False)
