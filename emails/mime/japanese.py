"""Decodes Japanese text as browsers do: with the characters of NEC and IBM, such as `①` and `髙`.

Python's decoders of ISO-2022-JP and EUC-JP fail at them, though mail programs write them under
these names. https://encoding.spec.whatwg.org/#legacy-multi-byte-japanese-encodings
"""

import re
from functools import lru_cache

_ISO_2022_PIECE = re.compile(rb"\x1b(\$\(D|\$[@B]|\([BIJ])|[^\x1b]++")
_EUC_PIECE = re.compile(
    rb"[\x00-\x7f]++|(?P<kanji>(?:[\xa1-\xfe]{2}){1,400})"
    rb"|(?:\x8e[\xa1-\xdf]|\x8f[\xa1-\xfe]{2}){1,400}"
)
_PAIRS = "utf_16_be"
"""Makes one character of two octets, by which we look up the right one."""

_ASCII, _ROMAN, _KATAKANA = b"(B", b"(J", b"(I"
_MORE_KANJI = b"$(D"  # JIS X 0212
_YEN_AND_OVERLINE = {0x5C: "\u00a5", 0x7E: "\u203e"}
_TO_KATAKANA = {octet: octet + 0xFF40 for octet in range(0x21, 0x60)}
_HIGH = bytes(octet & 0x7F for octet in range(256))


def from_iso_2022_jp(data: bytes) -> str:
    """Decode ISO-2022-JP. Raises `UnicodeError` if it isn't."""
    texts, at, charset = [], 0, _ASCII
    for piece in _ISO_2022_PIECE.finditer(data):
        if piece.start() != at:
            break
        at = piece.end()
        if piece[1]:
            charset = piece[1]
        else:
            texts.append(_decoded(piece[0], charset))
    if at < len(data):
        raise UnicodeError("an unknown escape sequence")
    return "".join(texts)


def _decoded(octets: bytes, charset: bytes) -> str:
    if charset == _MORE_KANJI:
        return (b"\x1b$(D" + octets + b"\x1b(B").decode("iso2022_jp_1")
    if charset not in (_ASCII, _ROMAN, _KATAKANA):
        return _kanji(octets)
    text = octets.decode("ascii")
    if charset == _ROMAN:
        return text.translate(_YEN_AND_OVERLINE)
    return text.translate(_TO_KATAKANA) if charset == _KATAKANA else text


def from_euc_jp(data: bytes) -> str:
    """Decode EUC-JP. Raises `UnicodeError` if it isn't."""
    texts, at = [], 0
    for piece in _EUC_PIECE.finditer(data):
        if piece.start() != at:
            break
        at = piece.end()
        kanji = piece["kanji"]
        texts.append(_kanji(kanji.translate(_HIGH)) if kanji else piece[0].decode("euc_jp"))
    if at < len(data):
        raise UnicodeError("not EUC-JP")
    return "".join(texts)


def _kanji(octets: bytes) -> str:
    """Decode pairs of octets of JIS X 0208, each from 0x21 to 0x7E."""
    if len(octets) % 2:
        raise UnicodeError("half a character")
    try:
        return "".join(map(_cells().__getitem__, octets.decode(_PAIRS)))
    except KeyError as error:
        raise UnicodeError("no such character") from error


@lru_cache(maxsize=1)
def _cells() -> dict[str, str]:
    """Return the characters of JIS X 0208 by their octets, with those of NEC and IBM.

    They are those of Shift JIS as Windows has it, where two rows share a first octet.
    """
    found = {}
    for row in range(0x21, 0x7F):
        first = ((row - 0x21) >> 1) + (0x81 if row < 0x5F else 0xC1)
        for cell in range(0x21, 0x7F):
            second = cell + (0x7E if row % 2 == 0 else 0x1F if cell < 0x60 else 0x20)
            if character := bytes((first, second)).decode("cp932", "ignore"):
                found[bytes((row, cell)).decode(_PAIRS)] = character
    return found
