"""Adds our note to the visible texts of a mail, and removes their trackers."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from hashlib import blake2b

from emails.mime import encoding
from emails.mime.assemble import MailChanges, Octets, Slice
from emails.mime.body import find_visible
from emails.mime.charsets import Text
from emails.mime.html import Page, scan
from emails.mime.issues import Issue
from emails.mime.plans import Note
from emails.mime.structure import Part
from emails.mime.texts import is_small, replace_text, text_of

_HTML = "text/html"


class VisibleTexts:
    """The visible texts of a mail, and the changes to them.

    Collects changes in the given `MailChanges`. `removed` counts the trackers to remove, by listed
    domain.
    """

    def __init__(
        self, changes: MailChanges, trackers: frozenset[str], warning_url: str, issues: set[Issue]
    ) -> None:
        self._changes = changes
        visible = find_visible(changes.root)
        small = [part for part in visible.texts if is_small(part)]
        if len(small) < len(visible.texts):
            issues.add(Issue.TEXT_TOO_LARGE)
        self._carriers = visible.carriers if set(visible.carriers) <= set(small) else ()
        self._is_encrypted = visible.is_encrypted
        self._texts: dict[Part, Text] = {}
        self._pages: dict[Part, Page] = {}
        for part in small:
            if part not in self._carriers and not (trackers and part.content_type == _HTML):
                continue
            text = self._texts[part] = text_of(changes.raw, part, issues)
            if part.content_type == _HTML:
                self._pages[part] = scan(text.text, trackers, warning_url)
        self.removed = Counter[str]()
        for page in self._pages.values():
            self.removed.update(page.removed)

    def write(self, note: Note | None) -> None:
        """Change the texts: add the note, if any, to its carriers, and remove the trackers."""
        for part, text in self._texts.items():
            if (page := self._pages.get(part)) is None:
                if note is not None:
                    replace_text(self._changes, part, *_with_note(text, note))
            elif note is not None and part in self._carriers:
                replace_text(self._changes, part, text, page.rewritten(*_ascii_html(note)))
            elif page.edits:
                replace_text(self._changes, part, text, page.rewritten())
        if note is not None and self._changes.root.content_type == "multipart/encrypted":
            # Text before the first part: seen only in programs that can't decrypt the mail.
            start = self._changes.root.body
            self._changes.slices.append(Slice(start, start, (_plain_note(note), b"\r\n")))

    def content(self, note: Note | None, *, sanitize: bool) -> Iterator[Octets]:
        """Write the changed content of the mail, with the header that describes it.

        If no text can carry the note, the note becomes a part of its own before the content. Not in
        an encrypted mail: most programs decrypt a mail only if it is encrypted as a whole.
        """
        whole = [self._changes.content_header(), b"\r\n", *self._changes.content(sanitize=sanitize)]
        if note is None or self._carriers or self._is_encrypted:
            yield from whole
        else:
            yield from _wrapped_with_note(note, whole, self._changes.raw)


def _with_note(text: Text, note: Note) -> tuple[Text, str]:
    """Add the note to plain text, which becomes UTF-8 unless the note is ASCII."""
    changed = f"{note.text_header}\n\n{text.text.removeprefix(_BOM)}\n\n{note.text_footer}\n"
    if (note.text_header + note.text_footer).isascii():
        return text, changed
    return replace(text, codec="utf_8", label="utf-8"), changed


_BOM = "\ufeff"


def _ascii_html(note: Note) -> tuple[str, str]:
    """Write the note's HTML in ASCII, so that it fits into any charset."""
    header, footer = (
        part.encode("ascii", "xmlcharrefreplace").decode()
        for part in (note.html_header, note.html_footer)
    )
    return header, footer


def _plain_note(note: Note) -> bytes:
    lines = f"{note.text_header}\n\n{note.text_footer}\n".splitlines()
    return "\r\n".join([*lines, ""]).encode("utf-8", "replace")


def _wrapped_with_note(note: Note, whole: list[Octets], raw: bytes) -> Iterator[Octets]:
    # The mail can't contain its own hash.
    boundary = b"=_" + blake2b(raw, digest_size=16).hexdigest().encode()
    encoded_as, pieces = encoding.encode_text(_plain_note(note))
    yield b'Content-Type: multipart/mixed;\r\n boundary="%s"\r\n\r\n--%s\r\n' % (boundary, boundary)
    yield b"Content-Type: text/plain; charset=utf-8\r\n"
    yield b"Content-Transfer-Encoding: %s\r\n\r\n" % encoded_as.encode()
    yield from pieces
    yield b"\r\n--%s\r\n" % boundary
    yield from whole
    yield b"\r\n--%s--\r\n" % boundary
