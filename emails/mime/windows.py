"""Searches large texts window by window.

Python's `re` lets no other thread run during a search: one over 40 MB would keep all threads of a
worker waiting, its heartbeat among them.
"""

import re
from collections.abc import Callable, Iterator

_WINDOW = 1 << 18  # characters


def find_all(pattern: re.Pattern[str], text: str, longest: int) -> Iterator[re.Match[str]]:
    """Find all matches, as `finditer` does, of a pattern that matches at most `longest` characters.

    Also counted is what the pattern must see after its match.
    """
    start = 0
    while start < len(text):
        limit = min(len(text), start + _WINDOW)
        for found in pattern.finditer(text, start, limit + longest):
            if found.start() >= limit:
                break
            yield found
            start = found.end()
        start = max(start, limit)


def replace_all(
    pattern: re.Pattern[str], new: Callable[[re.Match[str]], str], text: str, longest: int
) -> str:
    """Replace all matches, as `sub` does."""
    pieces: list[str] = []
    at = 0
    for found in find_all(pattern, text, longest):
        pieces += (text[at : found.start()], new(found))
        at = found.end()
    return "".join([*pieces, text[at:]]) if pieces else text
