"""Decodes texts, and encodes them again, even if the declared charset is wrong.

The declared charset is used if it fits. Otherwise the text is read as UTF-8 if it is valid UTF-8
(texts in other charsets are almost never valid UTF-8 by accident), else as Windows-1252, which has
a character for almost any byte.
"""

import re
from dataclasses import dataclass
from encodings.aliases import aliases
from functools import lru_cache

_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]+")
_ESCAPED = re.compile("[\udc80-\udcff]")

# Mail programs declare these charsets, and use a larger one that contains them.
# https://encoding.spec.whatwg.org/#names-and-labels
_SUPERSETS = {
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
# Python codecs that aren't charsets, or exist on one platform only.
_NO_CHARSETS = frozenset(
    f"{name}_codec" for name in ("base64", "bz2", "hex", "quopri", "uu", "zlib")
) | {"mbcs", "rot_13"}
_CODECS = (frozenset(aliases.values()) | {"cp720", "cp737", "cp874", "koi8_u"}) - _NO_CHARSETS

# In these, an ASCII byte may be part of another character, or of an escape sequence.
_NOT_OVER_ASCII = re.compile(
    r"utf_(?!8)|iso2022|hz\Z|cp(?:037|1026|1140|273|424|500|864)\Z"  # the numbers: EBCDIC
)
_WINDOWS_1252 = {
    octet: character
    for octet in range(0x80, 0xA0)
    if (character := bytes([octet]).decode("cp1252", "ignore"))
}
_TOLERATED = 0.05
"""The share of undecodable bytes up to which the declared charset is still used."""


@dataclass(frozen=True, slots=True)
class Text:
    """A decoded text. `codec` encodes it to the same bytes; `label` is the charset's name in mail.

    Undecodable bytes are lone surrogates (PEP 383). `fits` is false if the declared charset was
    unknown, wrong, or missing though the text isn't ASCII.
    """

    text: str
    codec: str
    label: str
    fits: bool = True

    def encoded(self, text: str) -> bytes | None:
        """Encode another text in the same charset. None: it lacks one of the characters."""
        try:
            return text.encode(self.codec, "surrogateescape")
        except UnicodeError:
            return None


@lru_cache(maxsize=256)
def codec_of(label: str) -> str | None:
    """Return Python's codec for a charset's name. None: no such charset."""
    key = _NOT_IN_A_NAME.sub("_", label.lower()[:40]).strip("_").removeprefix("x_")
    codec = key if key in _CODECS else aliases.get(key)
    codec = _SUPERSETS.get(codec or "", codec)
    return codec if codec in _CODECS else None


def read(data: bytes, label: str) -> Text:
    """Decode a text whose declared charset is `label` (empty: not declared)."""
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
    # If encoding doesn't give the same bytes again, write UTF-8 instead.
    return Text(text, codec, label, fits) if same else Text(text, "utf_8", "utf-8", fits)


def _nearly(data: bytes, codec: str, label: str) -> Text | None:
    """Decode a text that has a few bad bytes, such as a truncated character."""
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
