"""Recognises trackers by their host, with a list of domains. Each covers its subdomains."""

import re
from collections.abc import Iterable

from emails.mime.web_urls import host_of

_MAX_HOST = 253  # RFC 1035, 2.3.4
_DOMAIN = re.compile(
    r"(?=.{4,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]"
)
_COMMENT = re.compile(r"[#!].*")


def find_tracker(url: str, trackers: frozenset[str]) -> str | None:
    """Return the listed domain that an absolute URL points to. None: not a tracker."""
    return listed_domain(host_of(url), trackers)


def listed_domain(host: str, trackers: frozenset[str]) -> str | None:
    """Return the listed domain that covers a host, as `web_urls` reads it. None: not listed."""
    if len(host) > _MAX_HOST:
        return None
    while host:
        if host in trackers:
            return host
        host = host.partition(".")[2]
    return None


def parse_list(lines: Iterable[str]) -> frozenset[str]:
    """Parse a list of domains: one per line, as a hosts file, or as an ad blocker's rules.

    `tracker.example`, `0.0.0.0 tracker.example` and `||tracker.example^` mean the same. Other
    lines, such as rules with paths or exceptions, are ignored.
    """
    return frozenset(domain for line in lines if (domain := _domain_in(line)))


def _domain_in(line: str) -> str | None:
    words = _COMMENT.sub("", line).lower().split()
    if not words or len(words) > 2 or (len(words) == 2 and words[0] not in _SINKHOLES):
        return None
    word = words[-1].removeprefix("||").removesuffix("^").removesuffix(".")
    return word if _DOMAIN.fullmatch(word) else None


_SINKHOLES = frozenset({"0.0.0.0", "127.0.0.1", "::", "::1"})  # noqa: S104
