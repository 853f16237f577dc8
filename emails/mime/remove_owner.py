"""Removes the owner's identity from all parts of a reply: collects the changes that do it."""

import re

from emails.mime import encoding, tnef
from emails.mime.assemble import MailChanges, Slice
from emails.mime.body import is_visible_text
from emails.mime.calendar_answers import Answer
from emails.mime.calendars import is_calendar
from emails.mime.content_ids import ContentIds
from emails.mime.header_texts import KEPT_FIELDS, without_private_fields
from emails.mime.hide_owner import Replacer
from emails.mime.issues import Issue
from emails.mime.quoted_note import NoteRemover
from emails.mime.repair import rename_boundary
from emails.mime.reply_kinds import Kind, is_encrypted, is_signature, kind_of
from emails.mime.structure import Delimiter, Part, walk
from emails.mime.texts import is_small, replace_text, text_of
from emails.mime.windows import replace_all
from emails.values.errors import Refused
from emails.values.outcomes import RefuseReason

_FOLD = re.compile(r"\r?\n[ \t]")
_LONGEST_FOLD = 3
_LINE_END = re.compile(r"\r\n|\r|\n")
_CARD_LINE = 70
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
# Types that mail programs show as text, whatever octets are in it.
_TEXTUAL = ("text", "message")

# Inline PGP: lines of their own in a text, which nothing but these lines declares.
_PGP_MESSAGE = re.compile(r"^-----BEGIN PGP MESSAGE-----[ \t]*\r?$", re.MULTILINE)
_PGP_SIGNED = re.compile(
    r"^-----BEGIN PGP SIGNED MESSAGE-----[ \t]*\r?\n"
    r"(?:[A-Za-z]{1,20}:[^\r\n]*\r?\n){0,9}(?:\r?\n)?",
    re.MULTILINE,
)
_PGP_SIGNATURE = re.compile(
    r"^-----BEGIN PGP SIGNATURE-----[^-]*+(?:-(?!----)[^-]*+){0,5000}"
    r"-----END PGP SIGNATURE-----[ \t]*(?:\r?\n|\Z)",
    re.MULTILINE,
)


class OwnerRemover:
    """Walks over the parts, and adds the changes that remove the owner's identity from each."""

    def __init__(
        self,
        changes: MailChanges,
        hide: Replacer,
        ids: ContentIds,
        remove_notes: NoteRemover,
        issues: set[Issue],
        answer: Answer,
    ) -> None:
        self._changes = changes
        self._hide = hide
        self._ids = ids
        self._remove_notes = remove_notes
        self._issues = issues
        self._answer = answer

    def run(self) -> None:
        """Add the changes. Raises `Refused` if a part can't be searched."""
        waiting = [(self._changes.root, False)]
        while waiting:
            part, is_attached = waiting.pop()
            if not is_attached and is_encrypted(part):
                raise Refused(RefuseReason.SEALED_REPLY)
            self._changes.change_header(part)
            if part.delimiters and part.children:
                self._strip_multipart(part)
            elif part.is_leaf:
                self._strip_leaf(part)
            is_attached = is_attached or part.main_type == "message"
            waiting.extend((child, is_attached) for child in part.children)

    def _strip_multipart(self, part: Part) -> None:
        """Remove signatures, and the text before and after the parts, which nobody sees."""
        self._cut(part.body, part.delimiters[0].start)
        if part.is_closed:
            self._cut(part.delimiters[-1].end, part.end)
        self._cut_signatures(part)
        boundary = (part.boundary or b"").decode("latin-1")
        if part.content_type == "multipart/signed":
            part.content_type = "multipart/mixed"
            rename_boundary(self._changes, part)
        elif self._hide(boundary) != boundary or self._ids.is_private(boundary):
            rename_boundary(self._changes, part)

    def _cut_signatures(self, part: Part) -> None:
        """Remove them. If the multipart has no other parts, the first stays, to be emptied."""
        is_signed = part.content_type == "multipart/signed"
        left_out = [
            is_signature(child) or (is_signed and number == 1)
            for number, child in enumerate(part.children)
        ]
        if all(left_out):
            left_out[0] = False
        ends = [one.start for one in part.delimiters[1:]] + [part.end]
        children: list[Part] = []
        delimiters: list[Delimiter] = []
        for child, delimiter, end, is_left_out in zip(
            part.children, part.delimiters, ends, left_out, strict=False
        ):
            if is_left_out:
                self._cut(delimiter.start, end)
            else:
                children.append(child)
                delimiters.append(delimiter)
        part.delimiters[:] = delimiters + part.delimiters[len(part.children) :]
        part.children[:] = children

    def _strip_leaf(self, part: Part) -> None:
        match kind_of(part):
            case Kind.SIGNATURE:
                self._empty(part)
            case Kind.TNEF:
                self._strip_tnef(part)
            case Kind.CARD | Kind.TEXT as kind:
                self._strip_text(part, is_card=kind is Kind.CARD)
            case Kind.FILE:
                self._strip_file(part)
            case Kind.OTHER:
                pass

    def _empty(self, part: Part) -> None:
        """Make the part an empty text: without it, its multipart or mail would be invalid."""
        self._changes.bodies[part] = ()
        self._changes.change_header(part, content_type="text/plain", encoding=encoding.SEVEN_BIT)

    def _cut(self, start: int, end: int) -> None:
        if start < end:
            self._changes.slices.append(Slice(start, end, ()))

    def _strip_text(self, part: Part, *, is_card: bool) -> None:
        before = text_of(self._changes.raw, part, self._issues)
        text = changed = _unfolded(before.text) if is_card else before.text
        if not is_card:
            if _PGP_MESSAGE.search(text):
                raise Refused(RefuseReason.SEALED_REPLY)
            changed = _PGP_SIGNED.sub("", _PGP_SIGNATURE.sub("", text))
            if is_small(part):
                changed = self._remove_notes(changed, part.content_type == "text/html")
            if part.content_type in KEPT_FIELDS:
                changed = without_private_fields(changed, part.content_type)
        hidden = self._hide(self._ids.in_text(changed))
        if is_calendar(part):
            hidden = self._answer(hidden)
        if hidden == text and self._is_read_alike(part):
            return
        replace_text(self._changes, part, before, _folded(hidden) if is_card else hidden)
        if content_type := self._changes.headers[part].content_type:
            self._changes.change_header(part, content_type=self._hide(content_type))

    def _is_read_alike(self, part: Part) -> bool:
        """Return whether no mail program decodes the part into anything else than we do."""
        if part.encoding == encoding.BASE64 or part.encoding in encoding.UNREADABLE:
            return encoding.decoded(self._octets(part), part.encoding)[1]
        return True

    def _strip_file(self, part: Part) -> None:
        """Replace the address in an attached text; all its other octets stay."""
        data = encoding.decoded(self._octets(part), part.encoding)[0]
        codec, errors = "utf_8", "surrogateescape"
        if data.startswith(_UTF_16):
            codec, errors = "utf_16", "surrogatepass"
            data = data[: len(data) - len(data) % 2]
        elif part.main_type not in _TEXTUAL and _BINARY.search(data):
            return
        text = data.decode(codec, errors)
        hidden = self._hide(text)
        if hidden != text:
            self._write_file(part, hidden.encode(codec, errors))

    def _strip_tnef(self, part: Part) -> None:
        """Leave nothing but its attachments; refuse a mail whose text is nowhere else."""
        if not any(map(is_visible_text, walk(self._changes.root))):
            raise Refused(RefuseReason.SEALED_REPLY)
        data = encoding.decoded(self._octets(part), part.encoding)[0]
        attachments = tnef.attachments_of(data)
        if attachments is None:
            self._empty(part)
        else:
            self._write_file(part, attachments)

    def _write_file(self, part: Part, data: bytes) -> None:
        self._changes.bodies[part] = tuple(encoding.as_base64(data))
        self._changes.change_header(part, encoding=encoding.BASE64)

    def _octets(self, part: Part) -> bytes:
        return self._changes.raw[part.body : part.end]


def _unfolded(card: str) -> str:
    return replace_all(_FOLD, lambda _: "", card, _LONGEST_FOLD)


def _folded(card: str) -> str:
    """Fold the lines of a calendar entry (RFC 5545, 3.1) or a vCard (RFC 6350, 3.2)."""
    lines = []
    for line in _LINE_END.split(card):
        pieces = [line[at : at + _CARD_LINE] for at in range(0, len(line), _CARD_LINE)]
        lines.append("\r\n ".join(pieces))
    return "\r\n".join(lines if lines[-1] == "" else [*lines, ""])
