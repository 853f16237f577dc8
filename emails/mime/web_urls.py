"""Reads URLs as browsers do: which host a URL leads to, however it is written.

Browsers drop tabs and line ends, take backslashes for slashes, don't count slashes, decode what is
percent-encoded in a host, and map its characters (https://url.spec.whatwg.org/#concept-url-parser,
https://www.unicode.org/reports/tr46/). Where they would reject a host, or resolve a URL that lacks
its slashes against the page's own, we read on: a mail program may do so, too.
"""

import re
from functools import lru_cache

import idna

_DROPPED = re.compile(r"[\t\n\r]+")
_AROUND = "".join(map(chr, range(0x21)))
_SCHEME = r"(?:https?|ftp):"
_AUTHORITY = re.compile(rf"(?:{_SCHEME}[/\\]*+|[/\\]{{2,}})([^/\\?#]*+)", re.IGNORECASE)

IN_TEXT = re.compile(
    rf"(?:{_SCHEME}[/\\]*+|(?<![/\\])[/\\]{{2,}}+)([^\s\"'<>/\\?#(),;]++)[^\s\"'<>)]*+",
    re.IGNORECASE,
)
"""A URL within a text; its group is the authority. Linear: what it skips can't begin a match."""

_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_NOT_SEEN = re.compile(r"[\x00\u00ad\u034f\u200b-\u200d\u2060\u2064\ufe00-\ufe0f\ufeff\ufffd]+")
_MAX_UNUSUAL = 2_000
"""Characters of an unusual host that are read. A host has at most 253 (RFC 1035, 2.3.4)."""


def host_of(url: str) -> str:
    """Return the host of a URL, as `host_in` does. Empty: it has none, or it is relative."""
    found = _AUTHORITY.match(_DROPPED.sub("", url.strip(_AROUND)))
    return host_in(found[1]) if found else ""


def host_in(authority: str) -> str:
    """Return the host in `user@host:port`: lower case, in ASCII, without a dot at its end."""
    host = authority.rpartition("@")[2].partition(":")[0]
    is_usual = host.isascii() and "%" not in host and "\0" not in host
    return (host.lower() if is_usual else _mapped(host)).rstrip(".")


@lru_cache(maxsize=256)
def _mapped(host: str) -> str:
    text = _NOT_SEEN.sub("", percent_decoded(host))
    if len(text) > _MAX_UNUSUAL:
        return ""
    try:
        mapped = idna.uts46_remap(text, std3_rules=False)
    except idna.IDNAError:
        return ""
    return ".".join(map(_as_ascii, mapped.split(".")))


def _as_ascii(label: str) -> str:
    return label if label.isascii() else f"xn--{label.encode('punycode').decode()}"


def percent_decoded(text: str) -> str:
    """Decode what is percent-encoded, as UTF-8."""
    octets = text.encode("utf-8", "replace")
    decoded = _PERCENT.sub(lambda found: bytes([int(found[1], 16)]), octets)
    return decoded.decode("utf-8", "replace")
