"""Rewrites an owner's reply into the mail that goes to the correspondent, from the mask.

Nothing may lead to the owner: the top header is built anew, and so is the header of every part and
of every attached mail, from the few fields that say what they are; the real address is replaced in
them and in every text, calendar entries and attached mails among them. Files that were attached are
carried as they are: the owner chose to send them.

What is signed names its signer, so the signature is left out. What is encrypted can't be looked
into, and names its writer inside: it is refused.
"""

import re

from emails.mime import encoding
from emails.mime.assemble import WITH_PARAMETERS, Changes, Slice, write_field, write_parameters
from emails.mime.body import ENCRYPTED, is_file
from emails.mime.fields import decoded, encoded, readable_parameters, written
from emails.mime.hide_owner import HideOwner, hide_owner
from emails.mime.issues import Issue
from emails.mime.plans import ReplyPlan, Rewritten
from emails.mime.repair import clean, rename
from emails.mime.structure import Field, Part, split, unfolded, walk
from emails.mime.texts import put_text, text_of
from emails.mime.top_header import reply_headers, subject_of
from emails.values.errors import Refused
from emails.values.outcomes import RefuseReason

_KEYS = frozenset(
    f"application/{name}"
    for name in ("pgp-keys", "pgp-signature", "pkcs7-signature", "x-pkcs7-signature")
)
_CARDS = frozenset(
    {"application/ics", "text/calendar", "text/directory", "text/vcard"}
    | {"text/x-vcalendar", "text/x-vcard"}
)
_KEPT = frozenset({"cc", "date", "from", "mime-version", "reply-to", "sender", "subject", "to"})
"""Of an attached mail's header; and all that describes a content. Its ids are left out: that of a
forwarded mail is the secret that replies are found by."""

_MAX_ENCODED_LEVELS = 20
"""How deep encoded mails are looked for in encoded mails."""

_FOLD = re.compile(r"\r?\n[ \t]")
_CARD_LINE = 70


def rewrite_reply(raw: bytes, plan: ReplyPlan) -> Rewritten:
    """Make the mail that goes to the correspondent. Raises `Refused` if it is encrypted.

    And, as for a forwarded mail, if the plan's addresses can't be used.
    """
    raw = _with_mails_decoded(raw)
    mail = split(raw)
    hide = hide_owner(plan.owner_addresses, plan.mask)
    subject = subject_of(mail)
    top = reply_headers(None if subject is None else hide(subject), plan)
    issues: set[Issue] = set()
    changes = Changes(raw, mail, _Writer(hide))
    _Hider(changes, hide, issues).run()
    is_all_clean = encoding.is_clean(raw, mail.body, mail.end)
    clean(changes, issues, is_all_clean=is_all_clean)
    content = [changes.content_header(), b"\r\n", *changes.content(tidy=not is_all_clean)]
    return Rewritten(b"".join([top, *content]), {}, tuple(sorted(issues)))


def _with_mails_decoded(raw: bytes) -> bytes:
    """Decode the attached mails that are encoded, so that they are looked into like the others.

    RFC 2046 (5.2.1) forbids to encode them, but some mail programs do, and others read it.
    """
    for _ in range(_MAX_ENCODED_LEVELS):
        mail = split(raw)
        found = [part for part in walk(mail) if part.is_encoded_mail]
        if not found:
            break
        changes = Changes(raw, mail)
        for part in found:
            data, _fits = encoding.decoded(raw[part.body : part.end], part.encoding)
            changes.bodies[part] = (data,)
            changes.head(part, encoding=encoding.SEVEN_BIT)
        raw = changes.whole()
    return raw


class _Writer:
    """Writes a part's fields: only those that say what it is, and the address in none."""

    def __init__(self, hide: HideOwner) -> None:
        self._hide = hide

    def __call__(self, raw: bytes, one: Field) -> bytes:
        if one.name not in _KEPT and not one.name.startswith("content-"):
            return b""
        value, name = unfolded(one.value), one.name.title()
        if one.name in WITH_PARAMETERS:
            given = readable_parameters(value)
            hidden = {self._hide(key): self._hide(text) for key, text in given.items()}
            shown = self._hide(value.decode("latin-1")).encode("latin-1", "replace")
            if hidden == given and shown == value:
                return write_field(raw, one)
            return write_parameters(name, shown, hidden)
        text = decoded(value)
        hidden_text = self._hide(text)
        if hidden_text == text:
            return write_field(raw, one)
        return written(name, encoded(hidden_text, first_line=len(name) + 2))


class _Hider:
    """Walks over the parts, and collects what hides the owner in each."""

    def __init__(self, changes: Changes, hide: HideOwner, issues: set[Issue]) -> None:
        self._changes = changes
        self._hide = hide
        self._issues = issues

    def run(self) -> None:
        waiting = [(self._changes.root, False)]
        while waiting:
            part, is_attached = waiting.pop()
            if part.content_type in ENCRYPTED and not is_attached and not is_file(part):
                raise Refused(RefuseReason.SEALED_REPLY)
            self._changes.head(part)
            if part.delimiters and part.children:
                self._open(part)
            elif part.is_leaf:
                self._hide_in_text(part)
            is_attached = is_attached or part.main_type == "message"
            waiting.extend((child, is_attached) for child in part.children)

    def _open(self, part: Part) -> None:
        """Take out of a multipart what nobody reads, and what names its signer."""
        self._cut(part.body, part.delimiters[0].start)
        if part.is_closed:
            self._cut(part.delimiters[-1].end, part.end)
        self._cut_signatures(part)
        if part.content_type == "multipart/signed":
            part.content_type = "multipart/mixed"
            rename(self._changes, part)
        elif self._hide(boundary := (part.boundary or b"").decode("latin-1")) != boundary:
            rename(self._changes, part)

    def _cut_signatures(self, part: Part) -> None:
        ends = [one.start for one in part.delimiters[1:]] + [part.end]
        children, delimiters = [], []
        for child, delimiter, end in zip(part.children, part.delimiters, ends, strict=False):
            if child.content_type in _KEYS and len(part.children) > 1:
                self._cut(delimiter.start, end)
            else:
                children.append(child)
                delimiters.append(delimiter)
        part.delimiters[:] = delimiters + part.delimiters[len(part.children) :]
        part.children[:] = children

    def _cut(self, start: int, end: int) -> None:
        if start < end:
            self._changes.slices.append(Slice(start, end, ()))

    def _hide_in_text(self, part: Part) -> None:
        is_card = part.content_type in _CARDS
        is_text = part.main_type in ("text", "message", "multipart") and not is_file(part)
        if not (is_card or is_text):
            return
        before = text_of(self._changes.raw, part, self._issues)
        text = _FOLD.sub("", before.text) if is_card else before.text
        hidden = self._hide(text)
        if hidden == text:
            return
        put_text(self._changes, part, before, _folded(hidden) if is_card else hidden)
        if content_type := self._changes.heads[part].content_type:
            self._changes.head(part, content_type=self._hide(content_type))


def _folded(card: str) -> str:
    """Fold the lines of a calendar entry or a visiting card: RFC 5545, 3.1."""
    lines = []
    for line in card.splitlines():
        pieces = [line[at : at + _CARD_LINE] for at in range(0, len(line), _CARD_LINE)]
        lines.append("\r\n ".join(pieces))
    return "\r\n".join([*lines, ""])
