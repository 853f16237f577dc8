"""Widens a span of HTML to the whole elements that a note fills."""

import re

_MAX_TAG = 4_000
_MAX_STEPS = 30
"""Nested elements around a note that are removed with it."""

_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:-]*)[^<>]*>")
_VOID = frozenset({"br", "hr", "img", "wbr", "input", "meta", "link"})
_KEPT = frozenset({"blockquote", "body", "html", "td", "th", "tr", "tbody", "table"})
_AFTER = re.compile(r"(?:\s|&nbsp;|&#160;|<o:p>(?:\s|&nbsp;)?</o:p>|<br ?/?>(?=\s*</)){0,20}")
_BREAKS_AFTER = re.compile(r"(?:\s*<br\b[^<>]*>){1,2}", re.IGNORECASE)
_BREAKS_BEFORE = re.compile(r"(?:<br\b[^<>]*>\s*){1,2}\Z", re.IGNORECASE)


def around(text: str, start: int, end: int, *, is_footer: bool) -> tuple[int, int, str]:
    """Return the span to cut out, and what replaces it: the tags that something else needs."""
    is_in_element = False
    for _ in range(_MAX_STEPS):
        unmatched = _unmatched(text[start:end])
        opened = next((tag for tag in reversed(unmatched) if not tag[1]), None)
        closed = next((tag for tag in unmatched if tag[1]), None)
        before, after = _tag_before(text, start), _tag_after(text, end)
        if closed is not None:
            if before is None or before[1] or _name(before) != _name(closed):
                break
            start = before.start()
        elif opened is not None:
            if after is None or not after[1] or _name(after) != _name(opened):
                break
            end = after.end()
        elif _is_element(before, after):
            start, end, is_in_element = before.start(), after.end(), True  # type: ignore[union-attr]
        else:
            break
    if not is_in_element:
        start, end = _with_breaks(text, start, end, is_footer=is_footer)
    return start, end, "".join(tag[0] for tag in _unmatched(text[start:end]))


def _name(tag: re.Match[str]) -> str:
    return tag[2].lower()


def _unmatched(piece: str) -> list[re.Match[str]]:
    """Return the tags in it that open or close an element whose other tag lies outside."""
    found: list[re.Match[str]] = []
    for tag in _TAG.finditer(piece):
        if _name(tag) in _VOID or tag[0].endswith("/>"):
            continue
        if tag[1] and found and not found[-1][1] and _name(found[-1]) == _name(tag):
            found.pop()
        else:
            found.append(tag)
    return found


def _is_element(before: re.Match[str] | None, after: re.Match[str] | None) -> bool:
    if before is None or after is None or before[1] or not after[1]:
        return False
    return _name(before) == _name(after) and _name(before) not in _KEPT


def _tag_before(text: str, at: int) -> re.Match[str] | None:
    floor = max(0, at - _MAX_TAG)
    before = text[floor:at].rstrip()
    opens = before.rfind("<")
    return _TAG.fullmatch(text, floor + opens, floor + len(before)) if opens >= 0 else None


def _tag_after(text: str, at: int) -> re.Match[str] | None:
    skipped = _AFTER.match(text, at)
    return _TAG.match(text, skipped.end() if skipped else at, at + _MAX_TAG)


def _with_breaks(text: str, start: int, end: int, *, is_footer: bool) -> tuple[int, int]:
    """Widen the span by the empty line with which we set a note of text apart."""
    if not is_footer:
        breaks = _BREAKS_AFTER.match(text, end)
        return start, breaks.end() if breaks else end
    floor = max(0, start - 200)
    breaks = _BREAKS_BEFORE.search(text[floor:start])
    return (floor + breaks.start() if breaks else start), end
