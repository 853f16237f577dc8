"""Finds the elements that a mail's HTML leaves open, so that our note doesn't land in one of them.

An unclosed link would make our words its own, an unclosed `<div style="display:none">` would hide
them. So their end tags go before the note. One too many does no harm, since browsers ignore an end
tag without an element; one too few does. So an end tag counts only where browsers obey it
(https://html.spec.whatwg.org/#parsing-main-inbody): a `</div>` in a table's cell closes no `<div>`
around the table, and what changes the looks of text goes on after the end of the block around it.

Linear time: no match backtracks, and the search for what an end tag closes is bounded.
"""

import re
from itertools import takewhile

from emails.mime.html import COMMENT, DECLARATION, RAW, VALUE


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


MAX_OPEN = 300
"""Elements that we close. Whoever leaves more open means harm."""

_MAX_SEARCHED = 60
_ATTRIBUTES = rf"[^>=]*+(?:=\s*+{VALUE}[^>=]*+){{0,60}}"
_RAW = "|".join(rf"{name}(?![^\s/>]){_ATTRIBUTES}>.*?</{name}(?![^\s/>])[^>]*+>" for name in RAW)
_NAME = r"/[a-z][^\s/>]*+|[a-z][a-z0-9]?(?=[\s/>])"  # most names, before what takes long
_TOKEN = re.compile(
    rf"<(?:({_NAME}|{COMMENT}|{DECLARATION}|{_RAW}|[a-z][^\s/>]*+)"
    rf"(?:>|(?<=>)|{_ATTRIBUTES}>)|[a-z])",
    re.ASCII | re.DOTALL,
)
"""The name of a tag, with the `/` of an end tag; or a comment and the like, which ends in `>`.
Empty for a tag with more attributes than anybody needs."""

_NEVER_OPEN = _names(
    "area base basefont bgsound body br col embed frame head hr html image img input keygen link "
    "meta param source track wbr"
)
"""Elements without content, or of structure."""

_FORMATTING = _names("a b big code em font i nobr s small strike strong tt u")
"""What browsers open again after the block that it was opened in."""

_CELLS = frozenset({"td", "th", "caption", "object", "marquee", "applet", "template"})
"""No formatting passes their borders."""

_FOREIGN = frozenset({"svg", "math"})
_SHAPES = _names("circle ellipse image line mpath path polygon polyline rect stop use animate set")
"""What is empty in a drawing."""

_PASSABLE = frozenset({"td", "th", "caption"})
_TABLE = _PASSABLE | {"table", "tbody", "thead", "tfoot", "tr"}
_BORDERS = _CELLS | _FOREIGN | {"table", "select", "button"}
"""An end tag within doesn't close what was opened outside."""

_PARAGRAPH = frozenset({"/p"})
_BLOCKS = _names(
    "address article aside blockquote center details dir div dl fieldset figcaption figure footer "
    "form h1 h2 h3 h4 h5 h6 header main menu nav ol p pre section summary table ul"
)
_SPECIAL = _BLOCKS | _TABLE | _CELLS | _names("li dd dt button select colgroup frameset noscript")
"""An end tag of other elements, except formatting, is ignored where one of these is open."""

_CLOSED_BY = dict.fromkeys(_BLOCKS, _PARAGRAPH) | {
    "a": {"/a"},
    "dd": {"/dd", "/dt", "/p"},
    "dt": {"/dd", "/dt", "/p"},
    "li": {"/li", "/p"},
    "option": {"/option"},
    "td": {"/td", "/th", "/p"},
    "th": {"/td", "/th", "/p"},
    "tr": {"/tr", "/td", "/th", "/p"},
}
"""The end tags of what a start tag closes if it comes directly before."""

_ENDS = dict.fromkeys(_NEVER_OPEN, "") | {
    name: f"/{name}" for name in (*_BLOCKS, *_FORMATTING, "p", "li", "span")
}
"""The end tags of frequent elements; empty for those that are never open."""

_PARENTS = {
    "td": {"/tr"},
    "th": {"/tr"},
    "tr": {"/table", "/tbody", "/thead", "/tfoot"},
    "tbody": {"/table"},
}


def closing_tags(html: str, end: int) -> str | None:
    """Return the end tags of the elements that `html[:end]` leaves open.

    No comment and no raw element may be cut off. None: there are too many, or it is a trap.
    """
    ends = [_BOTTOM]  # end tags of the open elements, the innermost last
    # The Kelvin sign would become a k.
    for name in _TOKEN.findall(html[:end].replace("\u212a", "?").lower()):
        # First what is frequent, since a mail may have a hundred thousand tags.
        if name == ends[-1]:
            ends.pop()
            continue
        end_tag = _ENDS.get(name)
        if end_tag and ends[-1] not in _CLOSED_BY.get(name, ()):
            ends.append(end_tag)
        elif name in _PARENTS and ends[-1] in _PARENTS[name]:
            ends.append(f"/{name}")
        elif not name:
            return None
        elif name[0] == "/":
            _close(ends, name)
        elif end_tag != "" and name[-1] != ">":
            _open(ends, name)
    if len(ends) > MAX_OPEN:
        return None
    return "".join(f"<{one}>" for one in reversed(ends[1:]))


_BOTTOM = "(nothing)"


def _open(ends: list[str], name: str) -> None:
    if name in _SHAPES and any(one[1:] in _FOREIGN for one in ends[-_MAX_SEARCHED:]):
        return
    if name in _TABLE and name != "table" and "/table" not in ends[-_MAX_SEARCHED:]:
        return
    closed = _CLOSED_BY.get(name, ())
    while ends[-1] in closed:
        ends.pop()
    ends.append(f"/{name}")


def _close(ends: list[str], end_tag: str) -> None:
    """Remove what the end tag closes."""
    name = end_tag[1:]
    is_plain = name == "noscript" or (name not in _FORMATTING and name not in _SPECIAL)
    for at in range(len(ends) - 1, max(0, len(ends) - _MAX_SEARCHED), -1):
        other = ends[at][1:]
        if other == name:
            if name in _FORMATTING:
                del ends[at]  # the blocks in it stay open
            else:
                ends[at:] = () if name in _CELLS else _going_on(ends[at + 1 :])
            return
        if other in _BORDERS and (name not in _TABLE or other not in _PASSABLE):
            return
        if is_plain and other in _SPECIAL:
            return


def _going_on(ends: list[str]) -> list[str]:
    """Return which of the elements in a closed one go on after it."""
    within = takewhile(lambda one: one[1:] not in _CELLS, ends)
    return [one for one in within if one[1:] in _FORMATTING]
