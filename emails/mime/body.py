"""The parts of a mail that its reader sees first, and the note around them.

Only these are touched: the first plain text and the first HTML that a mail client would show.
Attachments, inline images, calendar parts and attached mails are carried as they are; so is
whatever is signed or encrypted, which any change would break.
"""

from collections.abc import Iterator
from email.message import Message

from emails.mime.encoding import set_text, text_of
from emails.mime.plans import Note

MAX_DEPTH = 40
"""Deeper nesting is not walked into; no mail program makes it, and some that read it fall over."""

_SEALED = frozenset(
    {
        "multipart/signed",
        "multipart/encrypted",
        "application/pkcs7-mime",
        "application/x-pkcs7-mime",
    }
)


def is_sealed(mail: Message) -> bool:
    """Tell whether the mail as a whole is signed or encrypted."""
    return mail.get_content_type() in _SEALED


def shown_parts(part: Message, depth: int = 0) -> Iterator[Message]:
    """Walk over the text and HTML that a mail client shows as the mail itself."""
    if depth > MAX_DEPTH or is_sealed(part):
        return
    if part.is_multipart() and part.get_content_maintype() == "multipart":
        for child in part.get_payload():
            if isinstance(child, Message):
                yield from shown_parts(child, depth + 1)
    elif part.get_content_type() in ("text/plain", "text/html") and not _is_attached(part):
        yield part


def put_note(mail: Message, note: Note) -> bool:
    """Put the note around the first plain text and the first HTML; False if there is neither."""
    parts: dict[str, Message] = {}
    for part in shown_parts(mail):
        parts.setdefault(part.get_content_subtype(), part)
    if text := parts.get("plain"):
        body = text_of(text)
        set_text(text, f"{note.text_header}\n\n{body}\n\n{note.text_footer}\n", "plain")
    if html := parts.get("html"):
        set_text(html, around_body(text_of(html), note.html_header, note.html_footer), "html")
    return bool(parts)


def around_body(html: str, header: str, footer: str) -> str:
    """Put HTML inside the document's own `<body>`, at its beginning and at its end.

    Where a document has no such tags, browsers make them up around all of it; so does this.
    """
    lowered = html.lower()
    start = _after_tag(lowered, "<body")
    end = lowered.rfind("</body")
    if end < start:
        end = lowered.rfind("</html")
    if end < start:
        end = len(html)
    return html[:start] + header + html[start:end] + footer + html[end:]


def _after_tag(lowered: str, tag: str) -> int:
    found = lowered.find(tag)
    while found >= 0 and lowered[found + len(tag) : found + len(tag) + 1].isalnum():
        found = lowered.find(tag, found + 1)
    closed = lowered.find(">", found) if found >= 0 else -1
    if closed >= 0:
        return closed + 1
    return _after_tag(lowered, "<html") if tag == "<body" else 0


def _is_attached(part: Message) -> bool:
    disposition = str(part.get("Content-Disposition", "")).strip().lower()
    return disposition.startswith("attachment") or part.get_filename() is not None
