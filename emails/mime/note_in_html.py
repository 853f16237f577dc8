"""Places our note in a mail's HTML: at its top or bottom, beside everything that is the mail's own.

The note has a wrapper of its own at the top level of the body, after the end tags of what the mail
left open. The wrapper's style resets all that the mail's style sheets may say about it: an inline
`!important` outranks them. Mail programs that don't know one of these declarations skip it.

At the top, the inbox's preview must still begin with the mail: the note goes behind the mail's own
hidden preview text, or gets one that repeats how the mail begins.
"""

import re
from dataclasses import dataclass
from html import escape, unescape

from emails.mime.html import Page
from emails.mime.open_elements import closing_tags
from emails.mime.tracked import Edit

_ISOLATED = (
    "all:initial!important;display:block!important;flex:none!important;align-self:{side}!important;"
    "grid-column:1/-1!important;width:100%!important;clear:both!important;"
    "position:relative!important;z-index:2147483647!important;unicode-bidi:isolate!important;"
    "text-align:{align}!important;color-scheme:{scheme}!important"
)

_FLEX_BODY = re.compile(
    r"\bbody\b[^{}<>]{0,200}\{[^{}]{0,2000}?\bdisplay\s*:\s*(?:inline-)?flex"
    r"|<body\b[^<>]{0,2000}\bdisplay\s*:\s*(?:inline-)?flex",
    re.IGNORECASE,
)
_WRAP_FLEX = "<style>body{flex-wrap:wrap!important}</style>"
"""Otherwise the note and the mail would share a row."""

_RIGHT_TO_LEFT = re.compile(
    r"\bdir\s*=\s*[\"']?rtl\b|[\s\"';{]direction\s*:\s*rtl\b", re.IGNORECASE
)
_BEFORE, _BEGINNING = 500, 2_000
"""Characters before and after the body's start tag that tell the mail's direction."""

_HIDDEN = re.compile(
    r"\bdisplay\s*:\s*none|\bvisibility\s*:\s*hidden|\bmso-hide\s*:\s*all|\bmax-height\s*:\s*0"
    r"|\bfont-size\s*:\s*[01](?:px|pt)?\s*[;\"'!]|\bopacity\s*:\s*0(?:\.0+)?\s*[;\"'!]"
    r"|\bclass\s*=\s*[\"']?[^\"'<>]*pre-?(?:header|view)|\shidden\b",
    re.IGNORECASE,
)
_START_TAG = re.compile(r"<(div|span|p|td|font)\b[^<>]{0,2000}>", re.IGNORECASE)
_BLANKS = re.compile(r"(?:\s++|<!--(?:-?>|.*?-->)){0,20}", re.DOTALL)
_NO_TEXT = re.compile(r"<(?:table|td|img|h[1-6]|ul|form|body)\b", re.IGNORECASE)
_MAX_PREHEADERS, _MAX_PREHEADER = 4, 10_000

_UNSHOWN = re.compile(
    r"<!--.*?(?:-->|\Z)|<(style|script|title|head)\b.*?(?:</\1\b[^<>]*>|\Z)|<[^<>]*(?:>|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_FILLERS = re.compile(r"[\s\u00ad\u034f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+")
"""Blanks, and what nobody sees."""

_PREVIEW, _PREVIEW_SOURCE = 150, 6_000
"""Characters that an inbox may show, and of HTML that are searched for them."""

_PREVIEW_STYLE = (
    "display:none!important;visibility:hidden;mso-hide:all;max-height:0;overflow:hidden;"
    "font-size:1px;line-height:1px;opacity:0"
)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the note goes, and what goes before it."""

    at: int
    before: str


def note_edit(page: Page, note: str, *, at_top: bool) -> Edit:
    """Return the edit that adds the note's HTML to the page."""
    bottom = None if at_top else _bottom(page)
    place = bottom or _top(page)
    side = "flex-end" if bottom else "flex-start"
    before = place.before + (_WRAP_FLEX if _is_flex(page) else "")
    return Edit(place.at, place.at, f'{before}<div style="{_style(page, side)}">{note}</div>')


def _style(page: Page, side: str) -> str:
    """Return the wrapper's style, in the mail's direction and colour scheme."""
    start = page.html[max(0, page.header_at - _BEFORE) : page.header_at + _BEGINNING]
    is_reversed = "rtl" in start.lower() and _RIGHT_TO_LEFT.search(start)
    align = "right" if is_reversed else "left"
    # A mail that knows dark screens may not say so where it is inherited.
    scheme = "light dark" if "prefers-color-scheme" in page.html else "inherit"
    return _ISOLATED.format(side=side, align=align, scheme=scheme)


def _is_flex(page: Page) -> bool:
    return "flex" in page.html and _FLEX_BODY.search(page.html) is not None


def _bottom(page: Page) -> _Place | None:
    """Return the place at the bottom. None: too much is open there."""
    tags = closing_tags(page.html, page.footer_at)
    return None if tags is None else _Place(page.footer_at, tags)


def _top(page: Page) -> _Place:
    """Return the place at the top, where nothing is open unless something precedes the body."""
    html, at = page.html, page.header_at
    for _ in range(_MAX_PREHEADERS):
        end = _preheader_end(html, at, page.footer_at)
        if end is None:
            break
        at = end
    preview = "" if at > page.header_at else _preview(html, at, page.footer_at)
    return _Place(at, (closing_tags(html, page.header_at) or "") + preview)


def _preheader_end(html: str, at: int, end: int) -> int | None:
    """Return where the hidden text that begins here ends. None: there is none."""
    blanks = _BLANKS.match(html, at, end)
    tag = _START_TAG.match(html, blanks.end() if blanks else at, end)
    if tag is None or not _HIDDEN.search(tag[0]):
        return None
    same = re.compile(rf"<(/?){tag[1]}\b[^<>]*>", re.IGNORECASE)
    depth, limit = 1, min(end, tag.end() + _MAX_PREHEADER)
    for other in same.finditer(html, tag.end(), limit):
        depth += -1 if other[1] else 1
        if depth == 0:
            has_more = _NO_TEXT.search(html, tag.end(), other.start())
            return None if has_more else other.end()
    return None


def _preview(html: str, at: int, end: int) -> str:
    """Return a hidden text with which the mail begins, so that no inbox shows the note instead."""
    source = html[at : min(end, at + _PREVIEW_SOURCE)]
    text = _FILLERS.sub(" ", unescape(_UNSHOWN.sub(" ", source))).strip()[:_PREVIEW].strip()
    text = text.encode("utf-8", "replace").decode()
    filler = "\n".join(["&#8204;&#160;" * 10] * -(-(_PREVIEW - len(text)) // 20))
    return f'<div style="{_PREVIEW_STYLE}" aria-hidden="true">{escape(text)} {filler}</div>'
