"""The text of a part: read, and put back in so that all else about the part stays the same."""

import re

from emails.mime import charsets, encoding
from emails.mime.assemble import Changes, charset_changed
from emails.mime.charsets import Text
from emails.mime.issues import Issue
from emails.mime.structure import Part

MAX_TEXT = 8 * 1024 * 1024
"""Octets of a text that is looked into. A larger one is carried as it is: it is no letter."""

_LINE_END = re.compile(r"\r\n|\r|\n")
_NOT_IN_A_LABEL = re.compile(r"[\s;(].*", re.DOTALL)


def is_small(part: Part) -> bool:
    """Tell whether the part is small enough to be looked into."""
    return part.end - part.body <= MAX_TEXT


def text_of(raw: bytes, part: Part, issues: set[Issue]) -> Text:
    """Read a part's text, whatever encoding and charset it claims to be in."""
    data, fits = encoding.decoded(raw[part.body : part.end], part.encoding)
    if not fits:
        issues.add(Issue.BAD_ENCODING)
    label = _NOT_IN_A_LABEL.sub("", part.parameters("content-type").get("charset", "").strip())
    text = charsets.read(data, label)
    if not text.fits:
        issues.add(Issue.BAD_CHARSET)
    return text


def put_text(changes: Changes, part: Part, before: Text, text: str) -> None:
    """Make the part hold another text: in its charset, or in UTF-8 if that lacks a letter."""
    text = _LINE_END.sub("\r\n", text)
    data, label = before.encoded(text), before.label
    if data is None:
        data, label = text.encode("utf-8", "replace"), "utf-8"
    written_as, pieces = encoding.as_text(data)
    declared = part.parameters("content-type").get("charset")
    is_as_before = part.main_type == "text" and declared == label
    changes.bodies[part] = tuple(pieces)
    changes.head(
        part,
        content_type=None if is_as_before else charset_changed(part, label),
        encoding=written_as,
    )
