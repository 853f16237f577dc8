"""Builds the top header of what we send, with each field once.

Only the fields listed here are sent, so nothing else can identify the owner or redirect the mail.
All values go through `fields.written`, so that none can inject another field.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from email.utils import format_datetime
from itertools import chain

from emails.mime import author_label
from emails.mime.address_fields import with_ascii_domain
from emails.mime.dates import read_date
from emails.mime.fields import decoded, encoded, written
from emails.mime.issues import Issue
from emails.mime.kept_fields import kept_fields
from emails.mime.plans import ForwardPlan, ReplyPlan
from emails.mime.structure import Part
from emails.mime.trackers import find_tracker
from emails.values.addresses import Mailbox
from emails.values.domains import to_ascii
from emails.values.errors import Refused
from emails.values.header_names import LOOP_HEADER, MASK_HEADER
from emails.values.outcomes import RefuseReason
from emails.values.ses_limits import MAX_MAILBOX_OCTETS
from emails.values.threads import ids_in

_VIA = "[via Relay]"
_UNKNOWN = "unknown sender"
_MAX_SUBJECT = 1_000
_MAX_REFERENCES = 30
_MAX_URL = 900
_ADDRESS = re.compile(r"[!-~]{1,320}")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,980}>")
"""With the field's name, it fits into a line."""
_KEYWORD = re.compile(rb"[A-Za-z-]{1,40}")
_SECURE_URL = re.compile(rb"<\s*(https://[!-;=?-~]+)\s*>", re.IGNORECASE)
_ONCE = ("from", "subject", "date", "content-type", "content-transfer-encoding")


def forward_headers(mail: Part, plan: ForwardPlan, issues: set[Issue]) -> bytes:
    """Write the top header of a forwarded mail, without the Content-* fields."""
    if any(len(mail.values(name)) > 1 for name in _ONCE):
        issues.add(Issue.DUPLICATE_HEADER)
    return b"".join(_forward_fields(mail, plan, issues))


def _forward_fields(mail: Part, plan: ForwardPlan, issues: set[Issue]) -> Iterator[bytes]:
    yield written("From", _from(mail, _usable(plan.mask), issues))
    yield written("To", _usable(plan.recipient))
    yield written("Reply-To", _reply_to(mail, plan))
    yield from _subject(mail, issues)
    yield written("Date", _date(mail, plan.now, issues))
    yield from _thread(mail)
    if keyword := _KEYWORD.match(b"".join(mail.values("auto-submitted")[:1])):
        yield written("Auto-Submitted", keyword[0].decode())
    yield from _unsubscribe(mail, plan)
    yield from _resent_from(mail)
    yield from kept_fields(mail)
    if plan.authentication:
        yield written("Authentication-Results", ";\r\n ".join(plan.authentication))
    yield written(LOOP_HEADER, "\r\n ".join(plan.marks))
    yield written(MASK_HEADER, plan.mask)
    yield written("MIME-Version", "1.0")


def reply_headers(subject: str | None, plan: ReplyPlan) -> bytes:
    """Write the top header of a reply, without the Content-* fields.

    The caller has already replaced the owner's address in `subject`. None: no subject.
    """
    return b"".join(_reply_fields(subject, plan))


def _reply_fields(subject: str | None, plan: ReplyPlan) -> Iterator[bytes]:
    yield written("From", _usable(plan.mask))
    yield written("To", _usable(plan.correspondent))
    if subject is not None:
        yield written("Subject", encoded(subject[:_MAX_SUBJECT], first_line=len("Subject: ")))
    yield written("Date", format_datetime(plan.now))
    parent = [plan.message_id_in_thread] if plan.message_id_in_thread else []
    if answered := _ids(parent):
        yield written("In-Reply-To", answered[0])
    if references := _ids([*plan.references, *parent]):
        yield written("References", "\r\n ".join(references))
    yield written("MIME-Version", "1.0")


def subject_of(mail: Part, *, keeps_unread: bool = False) -> str | None:
    """Return the decoded subject. None: the mail has none."""
    values = mail.values("subject")
    return decoded(values[0], keeps_unread=keeps_unread) if values else None


def _usable(address: str) -> str:
    """Return an address in ASCII, or raise `Refused`: addresses in the database may be invalid."""
    local, at, domain = address.rpartition("@")
    domain = domain if domain.isascii() else to_ascii(domain) or ""
    ascii_address = f"{local}{at}{domain}"
    if not (local and at and domain and _ADDRESS.fullmatch(ascii_address)):
        raise Refused(RefuseReason.UNUSABLE_ADDRESS)
    return ascii_address


def _named(name: str, address: str) -> str:
    """Write an address with a display name: a quoted string, or encoded words."""
    if name.isascii():
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"\r\n <{address}>'
    return f"{encoded(name)}\r\n <{address}>"


def _from(mail: Part, mask: str, issues: set[Issue]) -> str:
    """Write the sender: the author's name and address, as much of them as SES accepts."""
    author = _author(mail, issues)
    whole = _named(f"{author_label.label(author) or _UNKNOWN} {_VIA}", mask)
    if len(whole) <= MAX_MAILBOX_OCTETS:
        return whole
    issues.add(Issue.HEADER_CUT)
    shorter = (_named(f"{label} {_VIA}".lstrip(), mask) for label in author_label.shorter(author))
    return next((one for one in shorter if len(one) <= MAX_MAILBOX_OCTETS), mask)


def _reply_to(mail: Part, plan: ForwardPlan) -> str:
    """Write the replies address, named after who will get the answer."""
    address = _usable(plan.reply_to)
    values = mail.values("reply-to") + mail.values("from")
    boxes = [box for value in values for box in author_label.authors(value)]
    named = (box for box in boxes if box.address == plan.correspondent and not box.is_guess)
    box = next(named, Mailbox("", plan.correspondent))
    labels = filter(None, chain([author_label.label(box)], author_label.shorter(box)))
    written_out = (_named(f"{label} {_VIA}", address) for label in labels)
    return next((one for one in written_out if len(one) <= MAX_MAILBOX_OCTETS), address)


def _resent_from(mail: Part) -> Iterator[bytes]:
    """Write the author's bare address, for filters: in `From` it is part of a name."""
    author = _author(mail, set())
    if author_label.is_plain(author):
        yield written("Resent-From", author.address)


def _author(mail: Part, issues: set[Issue]) -> Mailbox:
    values = mail.values("from")
    boxes = [box for value in values for box in author_label.authors(value)]
    if len(boxes) > 1:
        issues.add(Issue.SEVERAL_SENDERS)
    boxes += [box for value in mail.values("sender")[:1] for box in author_label.authors(value)]
    # Those with an address first, and a guess only if there is no other.
    boxes.sort(key=lambda box: (not box.address, box.is_guess))
    if not boxes or not boxes[0].address or boxes[0].is_guess:
        issues.add(Issue.NO_SENDER)
    return boxes[0] if boxes else Mailbox(_UNKNOWN, "")


def _subject(mail: Part, issues: set[Issue]) -> Iterator[bytes]:
    text = subject_of(mail, keeps_unread=True) or ""
    if not b"".join(mail.values("subject")).isascii():
        issues.add(Issue.HEADER_NOT_ASCII)
    if len(text) > _MAX_SUBJECT:
        issues.add(Issue.HEADER_CUT)
        text = text[: _MAX_SUBJECT - 1] + "…"
    yield written("Subject", encoded(text, first_line=len("Subject: ")))


def _date(mail: Part, now: datetime, issues: set[Issue]) -> str:
    found = read_date(decoded(b"".join(mail.values("date")[:1])))
    if found is None:
        issues.add(Issue.BAD_DATE)
        return format_datetime(now)
    if not found.is_standard:
        issues.add(Issue.ODD_DATE)
    return format_datetime(found.date)


def _thread(mail: Part) -> Iterator[bytes]:
    """Keep the thread, and add the mail's own id to `References`.

    SES gives the forwarded mail another Message-ID. With the original one in `References`, mail
    programs show the forwarded mails of a conversation together.
    """
    if answered := _ids(_read_ids(mail.values("in-reply-to"))):
        yield written("In-Reply-To", answered[-1])
    read = _read_ids(mail.values("references")) + _read_ids(mail.values("message-id")[:1])
    if ids := _ids(read[-_MAX_REFERENCES:]):
        yield written("References", "\r\n ".join(ids))


def _read_ids(values: Iterable[bytes]) -> list[str]:
    """Read ids. Of an internationalised one, the domain has an ASCII form (RFC 5891)."""
    found = (one for value in values for one in ids_in(value.decode("utf-8", "replace")))
    return [f"<{with_ascii_domain(one)}>" for one in found]


def _ids(candidates: Iterable[str]) -> list[str]:
    valid = [text for text in dict.fromkeys(candidates) if _MESSAGE_ID.fullmatch(text)]
    return valid[-_MAX_REFERENCES:]


def _unsubscribe(mail: Part, plan: ForwardPlan) -> Iterator[bytes]:
    """Keep the links to unsubscribe from a list: RFC 2369, and RFC 8058 for the second field.

    Only links to websites: a mail to an unsubscribe address would come from the owner's real one,
    so a link of ours takes its place.
    """
    value = b" ".join(mail.values("list-unsubscribe"))
    kept = [
        url.decode()
        for url in _SECURE_URL.findall(value)
        if len(url) <= _MAX_URL and not find_tracker(url.decode(), plan.trackers)
    ]
    if not kept:
        if b"mailto:" in value.lower() and (url := plan.make_unsubscribe_url()):
            yield written("List-Unsubscribe", f"<{url}>")
            yield written("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
        return
    yield written("List-Unsubscribe", ",\r\n ".join(f"<{url}>" for url in kept[:3]))
    if any(b"one-click" in value.lower() for value in mail.values("list-unsubscribe-post")):
        yield written("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
