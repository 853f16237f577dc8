"""Rewrites an owner's reply into a mail from the mask to the correspondent.

Nothing may reveal the owner. The top header is built anew. So is the header of every part and
attached mail, from the few fields needed to read it. The real address is replaced there and in all
texts, attached mails, calendar entries and vCards, even attached ones. Other attached files stay as
they are: the owner chose to send them.

Our note is taken out of what the reply quotes. Attachments that SES would refuse for their names
are renamed.

Signatures name the signer, so they are removed. Encrypted mail is refused: it may name its writer,
and we can't look inside.
"""

import re

from emails.mime import encoding
from emails.mime.assemble import WITH_PARAMETERS, MailChanges, Slice, write_field, write_parameters
from emails.mime.blocked_names import blocked_in, rename_in_types, renamed
from emails.mime.body import ENCRYPTED, is_attachment
from emails.mime.fields import (
    decoded,
    encoded,
    has_rivals,
    is_read_whole,
    readable_parameters,
    without_quoted_pairs,
    written,
)
from emails.mime.hide_owner import Replacer, owner_replacer
from emails.mime.issues import Issue
from emails.mime.plans import ReplyPlan, Rewritten
from emails.mime.quoted_note import NoteRemover, note_remover
from emails.mime.repair import rename_boundary, repair
from emails.mime.structure import Delimiter, Field, Part, split, unfolded, walk
from emails.mime.texts import is_small, replace_text, text_of
from emails.mime.top_header import reply_headers, subject_of
from emails.values.errors import Refused
from emails.values.outcomes import RefuseReason

_SIGNATURES_AND_KEYS = frozenset(
    f"application/{name}"
    for name in ("pgp-keys", "pgp-signature", "pkcs7-signature", "x-pkcs7-signature")
)
_CARDS = frozenset(
    {"application/ics", "text/calendar", "text/directory", "text/vcard"}
    | {"text/x-vcalendar", "text/x-vcard"}
)
_KEPT = frozenset({"cc", "date", "from", "mime-version", "reply-to", "sender", "subject", "to"})
"""Headers kept on attached mails, besides Content-*. The Message-ID is dropped: in a mail that we
forwarded it is a secret, by which we find the thread of a reply."""

_MAX_ENCODED_LEVELS = 20
"""How many levels of encoded mails within encoded mails are decoded."""

_FOLD = re.compile(r"\r?\n[ \t]")
_CARD_LINE = 70


def rewrite_reply(raw: bytes, plan: ReplyPlan) -> Rewritten:
    """Write the mail to the correspondent.

    Raises `Refused` if the reply is encrypted, or an address in the plan is unusable.
    """
    raw = _with_mails_decoded(raw)
    mail = split(raw)
    hide = owner_replacer(plan.owner_addresses, plan.mask)
    subject = subject_of(mail)
    top = reply_headers(None if subject is None else hide(subject), plan)
    issues: set[Issue] = set()
    write = _FieldWriter(hide)
    changes = MailChanges(raw, mail, write)
    _OwnerRemover(changes, hide, note_remover(plan.note_wordings), issues).run()
    is_all_clean = encoding.is_clean(raw, mail.body, mail.end)
    repair(changes, issues, is_all_clean=is_all_clean)
    rename_in_types(changes)
    content = [changes.content_header(), b"\r\n", *changes.content(sanitize=not is_all_clean)]
    if write.has_renamed:
        issues.add(Issue.ATTACHMENT_RENAMED)
    return Rewritten(b"".join([top, *content]), {}, tuple(sorted(issues)))


def _with_mails_decoded(raw: bytes) -> bytes:
    """Decode encoded attached mails, so that the owner's address can be replaced in them.

    RFC 2046 (5.2.1) forbids encoding them, but some mail programs do, and others read them.
    """
    for _ in range(_MAX_ENCODED_LEVELS):
        mail = split(raw)
        found = [part for part in walk(mail) if part.is_encoded_mail]
        if not found:
            break
        changes = MailChanges(raw, mail)
        for part in found:
            data, _fits = encoding.decoded(raw[part.body : part.end], part.encoding)
            changes.bodies[part] = (data,)
            changes.change_header(part, encoding=encoding.SEVEN_BIT)
        raw = changes.whole_mail()
    return raw


class _FieldWriter:
    """Writes the fields of a part that are kept, without the owner's address; drops the others.

    `has_renamed`: so far, a name was changed that SES would have refused.
    """

    def __init__(self, hide: Replacer) -> None:
        self._hide = hide
        self.has_renamed = False

    def __call__(self, raw: bytes, original: Field) -> bytes:
        if original.name not in _KEPT and not original.name.startswith("content-"):
            return b""
        value, name = unfolded(original.value), original.name.title()
        if original.name in WITH_PARAMETERS:
            given = readable_parameters(value)
            hidden = {self._hide(key): self._hide(text) for key, text in given.items()}
            if hidden == given and self._may_be_copied(value) and not blocked_in(value):
                return write_field(raw, original)
            self.has_renamed = self.has_renamed or renamed(hidden) != hidden
            return write_parameters(name, self._hidden(value), renamed(hidden))
        text = decoded(value)
        hidden_text = self._hide(text)
        if hidden_text == text and is_read_whole(value):
            return write_field(raw, original)
        return written(name, encoded(hidden_text, first_line=len(name) + 2))

    def _may_be_copied(self, value: bytes) -> bool:
        """Return whether nothing in the value reveals the owner, even what we didn't read.

        Of two parameters with the same name, we read one, and the other may be encoded.
        """
        if has_rivals(value) or not is_read_whole(value):
            return False
        forms = (value, without_quoted_pairs(value))
        return all(self._hidden(one) == one for one in forms)

    def _hidden(self, value: bytes) -> bytes:
        return self._hide(value.decode("latin-1")).encode("latin-1", "replace")


class _OwnerRemover:
    """Walks over the parts, and adds the changes that remove the owner's identity from each."""

    def __init__(
        self, changes: MailChanges, hide: Replacer, remove_notes: NoteRemover, issues: set[Issue]
    ) -> None:
        self._changes = changes
        self._hide = hide
        self._remove_notes = remove_notes
        self._issues = issues

    def run(self) -> None:
        waiting = [(self._changes.root, False)]
        while waiting:
            part, is_attached = waiting.pop()
            if not is_attached and _is_encrypted(part):
                raise Refused(RefuseReason.SEALED_REPLY)
            self._changes.change_header(part)
            if part.delimiters and part.children:
                self._strip_multipart(part)
            elif part.content_type in _SIGNATURES_AND_KEYS:
                self._empty(part)
            elif part.is_leaf:
                self._hide_in_text(part)
            is_attached = is_attached or part.main_type == "message"
            waiting.extend((child, is_attached) for child in part.children)

    def _strip_multipart(self, part: Part) -> None:
        """Remove signatures, and the text before and after the parts, which nobody sees."""
        self._cut(part.body, part.delimiters[0].start)
        if part.is_closed:
            self._cut(part.delimiters[-1].end, part.end)
        self._cut_signatures(part)
        if part.content_type == "multipart/signed":
            part.content_type = "multipart/mixed"
            rename_boundary(self._changes, part)
        elif self._hide(boundary := (part.boundary or b"").decode("latin-1")) != boundary:
            rename_boundary(self._changes, part)

    def _cut_signatures(self, part: Part) -> None:
        """Remove them. If the multipart has no other parts, the first stays, to be emptied."""
        is_first_kept = all(one.content_type in _SIGNATURES_AND_KEYS for one in part.children)
        ends = [one.start for one in part.delimiters[1:]] + [part.end]
        children: list[Part] = []
        delimiters: list[Delimiter] = []
        for child, delimiter, end in zip(part.children, part.delimiters, ends, strict=False):
            is_kept = is_first_kept and not children
            if is_kept or child.content_type not in _SIGNATURES_AND_KEYS:
                children.append(child)
                delimiters.append(delimiter)
            else:
                self._cut(delimiter.start, end)
        part.delimiters[:] = delimiters + part.delimiters[len(part.children) :]
        part.children[:] = children

    def _empty(self, part: Part) -> None:
        """Make the part an empty text: without it, its multipart or mail would be invalid."""
        self._changes.bodies[part] = ()
        self._changes.change_header(part, content_type="text/plain", encoding=encoding.SEVEN_BIT)

    def _cut(self, start: int, end: int) -> None:
        if start < end:
            self._changes.slices.append(Slice(start, end, ()))

    def _hide_in_text(self, part: Part) -> None:
        is_card = part.content_type in _CARDS
        is_text = part.main_type in ("text", "message", "multipart") and not _is_file(part)
        if not (is_card or is_text):
            return
        before = text_of(self._changes.raw, part, self._issues)
        text = quoted = _FOLD.sub("", before.text) if is_card else before.text
        if not is_card and is_small(part):
            quoted = self._remove_notes(text, part.content_type == "text/html")
        hidden = self._hide(quoted)
        if hidden == text:
            return
        replace_text(self._changes, part, before, _folded(hidden) if is_card else hidden)
        if content_type := self._changes.headers[part].content_type:
            self._changes.change_header(part, content_type=self._hide(content_type))


def _is_encrypted(part: Part) -> bool:
    """Return whether the part is an encrypted message, not a file that the owner had encrypted.

    Mail programs declare such a message an attachment, too, with a name of its own (RFC 8551,
    3.2.1).
    """
    return part.content_type in ENCRYPTED and (not _is_file(part) or "smime.p7m" in _names(part))


def _names(part: Part) -> set[str]:
    values = part.values("content-type")[:1] + part.values("content-disposition")[:1]
    found = map(readable_parameters, values)
    return {given.get(key, "").lower() for given in found for key in ("name", "filename")}


def _is_file(part: Part) -> bool:
    """Return whether the owner attached the part as a file.

    A whole mail never counts as a file, whatever its Content-Disposition says. A file name alone is
    not enough: the correspondent's program may show the part as text.
    """
    return is_attachment(part) and not part.is_mail


def _folded(card: str) -> str:
    """Fold the lines of a calendar entry (RFC 5545, 3.1) or a vCard (RFC 6350, 3.2)."""
    lines = []
    for line in card.splitlines():
        pieces = [line[at : at + _CARD_LINE] for at in range(0, len(line), _CARD_LINE)]
        lines.append("\r\n ".join(pieces))
    return "\r\n".join([*lines, ""])
