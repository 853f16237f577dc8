"""Renders docs/runbook.md, so that who is on call has it beside the dashboard.

Headings get the anchors that they have on the usual hosts of repositories, so that links within
the page hold in both places.
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
    """Render the file to HTML; HTML in it is shown, not used. Raises OSError if it is not there."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(file.read_text(encoding="utf-8"))
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrSet("id", anchor_of(inline))
    html: str = markdown.renderer.render(tokens, markdown.options, {})
    return html


def anchor_of(heading: Token) -> str:
    """Make the anchor of a heading: its text in lower case, with hyphens, without punctuation."""
    text = "".join(child.content for child in heading.children or [])
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
