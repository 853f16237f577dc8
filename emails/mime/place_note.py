"""Puts the note around what a reader sees, and takes the trackers out of it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from hashlib import blake2b

from emails.mime import encoding
from emails.mime.assemble import Changes, Octets, Slice
from emails.mime.body import shown
from emails.mime.charsets import Text
from emails.mime.html import Page, look_through
from emails.mime.issues import Issue
from emails.mime.plans import Note
from emails.mime.structure import Part
from emails.mime.texts import is_small, put_text, text_of

_HTML = "text/html"


class VisibleTexts:
    """The texts of a mail that its reader sees, and what is changed in them.

    `removed` counts the trackers that are taken out, by their domain on the list.
    """

    def __init__(
        self, changes: Changes, trackers: frozenset[str], warning_url: str, issues: set[Issue]
    ) -> None:
        self._changes = changes
        found = shown(changes.root)
        small = [part for part in found.texts if is_small(part)]
        if len(small) < len(found.texts):
            issues.add(Issue.TEXT_TOO_LARGE)
        self._noted = found.noted if set(found.noted) <= set(small) else ()
        self._is_encrypted = found.encrypted
        self._texts: dict[Part, Text] = {}
        self._pages: dict[Part, Page] = {}
        for part in small:
            if part not in self._noted and not (trackers and part.content_type == _HTML):
                continue
            text = self._texts[part] = text_of(changes.raw, part, issues)
            if part.content_type == _HTML:
                self._pages[part] = look_through(text.text, trackers, warning_url)
        self.removed = Counter[str]()
        for page in self._pages.values():
            self.removed.update(page.removed)

    def write(self, note: Note) -> None:
        """Change the texts: the note goes around one of them, or around both its forms."""
        for part, text in self._texts.items():
            if (page := self._pages.get(part)) is None:
                put_text(self._changes, part, *_around(text, note))
            elif part in self._noted:
                put_text(self._changes, part, text, page.around(*_html(note)))
            elif page.edits:
                put_text(self._changes, part, text, page.around("", ""))
        if self._changes.root.content_type == "multipart/encrypted":
            # Shown by nobody who decrypts the mail, and by anybody who can't.
            start = self._changes.root.body
            self._changes.slices.append(Slice(start, start, (_both(note), b"\r\n")))

    def content(self, note: Note, *, tidy: bool) -> Iterator[Octets]:
        """Write the mail's content, with its header: what it was, and the note where it must be.

        Where the note could not go into a text, it goes into a part of its own before the rest.
        Not so for an encrypted mail: most programs decrypt only what is the mail as a whole.
        """
        whole = [self._changes.content_header(), b"\r\n", *self._changes.content(tidy=tidy)]
        if self._noted or self._is_encrypted:
            yield from whole
        else:
            yield from _beside(note, whole, self._changes.raw)


def _around(text: Text, note: Note) -> tuple[Text, str]:
    """Put the note around plain text. In another charset than UTF-8 it may be ASCII only."""
    around = f"{note.text_header}\n\n{text.text.removeprefix(_MARK)}\n\n{note.text_footer}\n"
    if (note.text_header + note.text_footer).isascii():
        return text, around
    return replace(text, codec="utf_8", label="utf-8"), around


_MARK = "\ufeff"


def _html(note: Note) -> tuple[str, str]:
    """Write the note so that it can stand in any charset."""
    header, footer = (
        part.encode("ascii", "xmlcharrefreplace").decode()
        for part in (note.html_header, note.html_footer)
    )
    return header, footer


def _both(note: Note) -> bytes:
    lines = f"{note.text_header}\n\n{note.text_footer}\n".splitlines()
    return "\r\n".join([*lines, ""]).encode("utf-8", "replace")


def _beside(note: Note, whole: list[Octets], raw: bytes) -> Iterator[Octets]:
    # A hash of the mail can't stand in it.
    boundary = b"=_" + blake2b(raw, digest_size=16).hexdigest().encode()
    encoded_as, pieces = encoding.as_text(_both(note))
    yield b'Content-Type: multipart/mixed;\r\n boundary="%s"\r\n\r\n--%s\r\n' % (boundary, boundary)
    yield b"Content-Type: text/plain; charset=utf-8\r\n"
    yield b"Content-Transfer-Encoding: %s\r\n\r\n" % encoded_as.encode()
    yield from pieces
    yield b"\r\n--%s\r\n" % boundary
    yield from whole
    yield b"\r\n--%s--\r\n" % boundary
