"""Adds our note to the visible texts of a mail, and removes their trackers.

The note stands once in a mail, at its very top or bottom: of several texts, the first or the last
has it, in its plain and in its HTML form.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from hashlib import blake2b

from emails.mime import encoding
from emails.mime.assemble import MailChanges, Octets, Slice
from emails.mime.body import PAGES, find_visible
from emails.mime.charsets import Text
from emails.mime.html import Page, scan
from emails.mime.issues import Issue
from emails.mime.note_in_html import note_edit
from emails.mime.plans import ForwardPlan, Note
from emails.mime.structure import Part
from emails.mime.texts import is_small, replace_text, text_of
from emails.mime.tracked import Edit


class VisibleTexts:
    """The visible texts of a mail, and the changes to them.

    Collects changes in the given `MailChanges`. `removed` counts the trackers to remove, by listed
    domain.
    """

    def __init__(self, changes: MailChanges, plan: ForwardPlan, issues: set[Issue]) -> None:
        self._changes = changes
        self._at_top = plan.has_note_on_top
        trackers = plan.trackers
        visible = find_visible(changes.root, at_top=self._at_top)
        small = [part for part in visible.texts if is_small(part)]
        if len(small) < len(visible.texts):
            issues.add(Issue.TEXT_TOO_LARGE)
        self._carriers = visible.carriers if set(visible.carriers) <= set(small) else ()
        self._is_sealed = visible.is_encrypted
        self._texts: dict[Part, Text] = {}
        self._pages: dict[Part, Page] = {}
        pages = filter(is_small, visible.pages if trackers else ())
        for part in (*small, *pages):
            if part not in self._carriers and not (trackers and part.content_type in PAGES):
                continue
            text = self._texts[part] = text_of(changes.raw, part, issues)
            if part.content_type in PAGES:
                self._pages[part] = scan(text.text, trackers, plan.warning_url)
        self.removed = Counter[str]()
        for page in self._pages.values():
            self.removed.update(page.removed)

    def write(self, note: Note | None) -> None:
        """Change the texts: add the note, if any, to its carriers, and remove the trackers."""
        if note is not None:
            self._carriers = tuple(one for one in self._carriers if self._may_hold(one, note))
        for part, text in self._texts.items():
            if (page := self._pages.get(part)) is None:
                if note is not None and part in self._carriers:
                    replace_text(self._changes, part, *self._with_note(text, note))
            elif note is not None and part in self._carriers:
                replace_text(self._changes, part, text, page.rewritten(self._edit(page, note)))
            elif page.edits:
                replace_text(self._changes, part, text, page.rewritten())
        if note is not None and self._goes_into_preamble(note):
            self._is_sealed = True
            start = self._changes.root.body
            preamble = _plain_note(note).decode().encode("ascii", "replace")
            self._changes.slices.append(Slice(start, start, (preamble, b"\r\n")))

    def content(self, note: Note | None, *, sanitize: bool) -> Iterator[Octets]:
        """Write the changed content of the mail, with the header that describes it.

        If no text can carry the note, the note becomes a part of its own beside the content. Not in
        an encrypted or signed mail: most programs decrypt a mail, and show that it is signed, only
        if that is the whole of it.
        """
        whole = [self._changes.content_header(), b"\r\n", *self._changes.content(sanitize=sanitize)]
        if note is None or self._carriers or self._is_sealed:
            yield from whole
        else:
            yield from self._wrapped(_plain_note(note), whole)

    def _goes_into_preamble(self, note: Note) -> bool:
        """Return whether the note stands before the first part, where hardly a program shows it."""
        root = self._changes.root
        is_signed = root.content_type == "multipart/signed" and not root.is_leaf
        is_signed = is_signed and not note.must_be_seen
        return is_signed or root.content_type == "multipart/encrypted"

    def _may_hold(self, carrier: Part, note: Note) -> bool:
        return self._texts[carrier].may_hold("" if carrier in self._pages else note.text)

    def _with_note(self, text: Text, note: Note) -> tuple[Text, str]:
        """Add the note to plain text, which becomes UTF-8 unless the note is ASCII."""
        if self._at_top:
            changed = f"{note.text}\n\n{text.text.removeprefix(_BOM)}"
        else:
            changed = f"{text.text}\n\n{_DELIMITER}\n{note.text}\n"
        if note.text.isascii() or not text.is_sure:
            return text, changed
        return replace(text, codec="utf_8", label="utf-8"), changed

    def _edit(self, page: Page, note: Note) -> Edit:
        """Return the edit that adds the note, in ASCII, so that it fits into any charset."""
        edit = note_edit(page, note.html, at_top=self._at_top)
        ascii_text = edit.text.encode("ascii", "xmlcharrefreplace").decode()
        return replace(edit, text=ascii_text.replace("\n", "\r\n"))

    def _wrapped(self, note: bytes, whole: list[Octets]) -> Iterator[Octets]:
        """Write the content with the note as a part of its own before or after it."""
        # The mail can't contain its own hash.
        boundary = b"=_" + blake2b(self._changes.raw, digest_size=16).hexdigest().encode()
        encoded_as, pieces = encoding.encode_text(note)
        fields = b"Content-Type: text/plain; charset=utf-8\r\n"
        fields += b"Content-Transfer-Encoding: %s\r\n\r\n" % encoded_as.encode()
        note_part: list[Octets] = [fields, *pieces]
        first, second = (note_part, whole) if self._at_top else (whole, note_part)
        opening = b'Content-Type: multipart/mixed;\r\n boundary="%s"\r\n\r\n--%s\r\n'
        yield opening % (boundary, boundary)
        yield from first
        yield b"\r\n--%s\r\n" % boundary
        yield from second
        yield b"\r\n--%s--\r\n" % boundary


_DELIMITER = "-- "
"""Mail programs know it as the end of the text, and leave out of a quote what follows."""


_BOM = "\ufeff"


def _plain_note(note: Note) -> bytes:
    return "\r\n".join([*note.text.splitlines(), ""]).encode("utf-8", "replace")
