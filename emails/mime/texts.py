"""Reads the text of a part, and replaces it without changing anything else about the part."""

from emails.mime import charsets, encoding
from emails.mime.assemble import MailChanges, type_with_charset
from emails.mime.charsets import Text
from emails.mime.issues import Issue
from emails.mime.structure import Part

MAX_TEXT = 8 * 1024 * 1024
"""Octets of the largest text we change. Larger ones weren't written by people."""


def is_small(part: Part) -> bool:
    """Return whether the part is small enough to be searched and changed."""
    return part.end - part.body <= MAX_TEXT


def text_of(raw: bytes, part: Part, issues: set[Issue]) -> Text:
    """Decode a part's text, even if its declared encoding or charset is wrong."""
    data, fits = encoding.decoded(raw[part.body : part.end], part.encoding)
    if not fits:
        issues.add(Issue.BAD_ENCODING)
    text = charsets.read(data, part.charset)
    if not text.fits:
        issues.add(Issue.BAD_CHARSET)
    return text


def replace_text(changes: MailChanges, part: Part, before: Text, text: str) -> None:
    """Replace the part's text, in its charset or, if that lacks a character, in UTF-8.

    A text of which we aren't sure keeps its label, which its reader may understand.
    """
    if not text.count("\r\n") == text.count("\n") == text.count("\r"):
        text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    data, label = before.encoded(text), before.label
    if data is None:
        data, label = text.encode("utf-8", "replace"), "utf-8"
    transfer_encoding, pieces = encoding.encode_text(data)
    declared = part.parameters("content-type").get("charset")
    is_doubtful = not before.is_sure and label == before.label
    keeps_type = part.main_type == "text" and (declared == label or is_doubtful)
    changes.bodies[part] = tuple(pieces)
    changes.change_header(
        part,
        content_type=None if keeps_type else type_with_charset(part, label),
        encoding=transfer_encoding,
    )
