"""What readers and programs get to see of a text: written apart from what it judges."""

import html
import re
from urllib.parse import unquote

_NOT_SHOWN = dict.fromkeys(
    map(ord, "\0\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u2063\ufeff\ufe0f")
)
_LIKE: dict[int, int | str] = {
    **{code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)},
    **dict.fromkeys(map(ord, "\u2024\u3002\uff61"), "."),
    0xFE6B: "@",
}


def readings(text: str) -> set[str]:
    """Return the text as a browser shows it, as its source reads, and with its escapes undone."""
    source = html.unescape(html.unescape(text))
    shown = re.sub(r"<!--(?!\[if).*?-->|<style.*?</style>", "", text, flags=re.DOTALL)
    shown = html.unescape(re.sub(r"<(?:[^<>\"']|\"[^\"]*\"|'[^']*')*>", "", shown))
    unescaped = re.sub(r"=([2-7][0-9A-Fa-f])", lambda one: chr(int(one[1], 16)), source)
    unescaped = re.sub(r"\\(?:u00|x)([0-9a-f]{2})", lambda one: chr(int(one[1], 16)), unescaped)
    found = {_plain(one) for one in (text, source, shown, unescaped)}
    return found | {unquote(unquote(one)) for one in found}


def _plain(text: str) -> str:
    text = re.sub(r"=?\s*[\r\n]+[\s>]*", "", text.translate(_NOT_SHOWN).translate(_LIKE))
    return re.sub(r"\s*@\s*", "@", text).lower()
