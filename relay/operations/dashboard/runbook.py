"""Renders docs/runbook.md beside the dashboard, for whoever is on call.

Headings get the anchors that code hosts give them, so links within the page work in both places.
"""

import re
from functools import cache
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

PAGES = Path(__file__).parent / "docs"
"""In a checkout a link to `docs/`; in a wheel a folder with the pages of `docs/`."""


@cache
def rendered(file: Path) -> str:
    """Render the file to HTML; HTML in it is escaped. Raises OSError if it is missing."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(file.read_text(encoding="utf-8"))
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrSet("id", anchor_of(inline))
    html: str = markdown.renderer.render(tokens, markdown.options, {})
    return html


def anchor_of(heading: Token) -> str:
    """Return a heading's anchor: its text in lower case, hyphenated, without punctuation."""
    text = "".join(child.content for child in heading.children or [])
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
