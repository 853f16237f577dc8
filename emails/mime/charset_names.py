"""Which of Python's codecs reads the charset that a mail declares.

The Encoding Standard lists the names in use, and the larger charsets that browsers and mail
programs read them as: https://encoding.spec.whatwg.org/#names-and-labels
Beyond it we know the names that Python knows, and a few that mail programs have written.
"""

import re
from encodings.aliases import aliases
from functools import lru_cache

from webencodings import lookup

_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]+")
_CODE_PAGE = re.compile(r"(?:cp|ibm|ms|win|windows)_?([0-9]{3,5})")
_MAX_LABEL = 60

# The standard has no decoder for these, and shows a replacement character.
_NO_ENCODINGS = frozenset({"replacement", "x-user-defined"})

# Mail programs declare these charsets, and use a larger one that contains them.
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
_MORE_NAMES = {
    "cp50220": "iso2022_jp",
    "cp50221": "iso2022_jp",
    "cp50222": "iso2022_jp",
    "cswindows31j": "cp932",
    "iso_2022_jp_esc": "iso2022_jp",
    "iso_2022_jp_ms": "iso2022_jp",
    "unicode_1_1_utf_7": "utf_7",
    "utf8mb4": "utf_8",
}

# Python codecs that aren't charsets, or exist on one platform only.
_NO_CHARSETS = frozenset(
    f"{name}_codec" for name in ("base64", "bz2", "hex", "quopri", "uu", "zlib")
) | {"mbcs", "rot_13"}
_CODECS = (frozenset(aliases.values()) | {"cp720", "cp737", "cp874", "koi8_u"}) - _NO_CHARSETS


@lru_cache(maxsize=256)
def codec_of(label: str) -> str | None:
    """Return Python's codec for a charset's name. None: no such charset."""
    codec = _of_python(label[:_MAX_LABEL])
    # To the standard, ASCII is Windows-1252. In mail, octets over 127 in it prove nothing.
    if codec == "ascii" or codec == "utf_16":
        return codec
    return _of_the_standard(label[:_MAX_LABEL]) or codec


def _of_the_standard(label: str) -> str | None:
    encoding = lookup(label)
    if encoding is None or encoding.name in _NO_ENCODINGS:
        return None
    codec: str = encoding.codec_info.name.replace("-", "_")
    # Only the name itself says which octet comes first; the others leave it to the text.
    if codec == "utf_16_le" and "le" not in label.lower():
        return "utf_16"
    return _SUPERSETS.get(codec, codec)


def _of_python(label: str) -> str | None:
    key = _NOT_IN_A_NAME.sub("_", label.lower()).strip("_").removeprefix("x_")
    if page := _CODE_PAGE.fullmatch(key):
        key = f"cp{page[1]}"
    codec = _MORE_NAMES.get(key) or (key if key in _CODECS else aliases.get(key))
    codec = _SUPERSETS.get(codec or "", codec)
    return codec if codec in _CODECS else None
