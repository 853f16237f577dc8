"""Compares what readers find in a mail before and after it was forwarded.

A field is lost when two readers agree that it is. Where one alone sees a difference, it may read
one of the two mails wrongly.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from emails.mime.blocked_names import is_blocked
from tests.judge.reading import Attachment, Reading, words
from tests.mime_checker import visible_text

NOTE = "[NOTE]"
"""The words of our note, plain and in HTML."""

_AGREE = 2
_NOTE = re.compile(rf"(?:-- \r?\n)?{re.escape(NOTE)}")
_LONG = 250
_DAMAGE = re.compile("[\ufffd\ufeff\x00]+")
_RENAMED = ".renamed"
_MAILS = frozenset({"message/rfc822", "message/global"})
_CALENDARS = frozenset({"text/calendar", "application/ics"})
_FOLD = re.compile(rb"\r?\n[ \t]")
_OF_PEOPLE = re.compile(rb"^(?:ORGANIZER|ATTENDEE)[;:].*$", re.MULTILINE | re.IGNORECASE)


def lost(before: Mapping[str, Reading], after: Mapping[str, Reading]) -> list[str]:
    """Return the names of the fields that are lost, with the readers that agree on it."""
    found: dict[str, list[str]] = {}
    for reader in before:
        for field in differences(before[reader], after[reader]):
            found.setdefault(field, []).append(reader)
    return [f"{one}: {', '.join(who)}" for one, who in found.items() if len(who) >= _AGREE]


def differences(before: Reading, after: Reading) -> Iterator[str]:
    """Yield the names of the fields that differ, but for what we change on purpose."""
    for name, is_kept in _FIELDS.items():
        if not is_kept(before, after):
            yield name


def _keeps_sender(before: Reading, after: Reading) -> bool:
    """From is the mask; its name is the sender's name and address. A name with an @ is left out."""
    if len(before.name) + len(before.address) > _LONG:
        return True
    name = "" if "@" in before.name else before.name
    return _fits(f"\ufffd{name}\ufffd{before.address}\ufffd", after.name)


def _keeps_subject(before: Reading, after: Reading) -> bool:
    """A subject that no mail program has room for is cut, and says so."""
    old, new = _squeezed(before.subject), _squeezed(after.subject)
    is_long = len(before.subject) > _LONG and new.endswith("…")
    return old.startswith(new[:-1]) if is_long else _fits(old, new)


def _keeps_date(before: Reading, after: Reading) -> bool:
    """An unreadable date becomes the time of forwarding."""
    if not before.date:
        return True
    return abs(_instant(before.date) - _instant(after.date)) < 1 if after.date else False


def _keeps_thread(before: Reading, after: Reading) -> bool:
    """SES gives the mail another id, so its own joins the references, of which the newest stay.

    An id outside ASCII has no place in a header of 7 bits.
    """
    ids = [*before.references, *([before.message_id] if before.message_id else [])]
    newest = list(dict.fromkeys(_squeezed(one) for one in ids if one.isascii()))[-10:]
    answered = [_squeezed(one) for one in before.in_reply_to if one.isascii()]
    has_answered = not answered or any(_squeezed(one) in answered for one in after.in_reply_to)
    return has_answered and set(newest) <= set(map(_squeezed, after.references))


def _keeps_text(before: Reading, after: Reading) -> bool:
    """From a mail without a header, which some take for a header alone, nothing can be lost."""
    is_nothing = not (before.subject or before.address or before.text or before.html)
    return is_nothing or _fits(_text(before.text), _text(after.text))


def _keeps_html(before: Reading, after: Reading) -> bool:
    return _fits(_text(visible_text(before.html)), _text(visible_text(after.html)))


def _keeps_attachments(before: Reading, after: Reading) -> bool:
    """Ours may be one more: the note, as a part of its own."""
    kept = Counter(_without_ours(after))
    return not Counter(_without_ours(before)) - kept and sum(kept.values()) == len(
        before.attachments
    )


def _without_ours(mail: Reading) -> Iterator[tuple[str, str, bytes]]:
    for one in mail.attachments:
        if NOTE.encode() not in one.octets:
            yield _name(one), one.content_id, _octets(one)


def _name(one: Attachment) -> str:
    """SES refuses some names: those are changed."""
    name = one.name.removesuffix(_RENAMED)
    return one.name if not is_blocked(name) else name


def _octets(one: Attachment) -> bytes:
    """Line ends of texts become CRLF. Who is invited to what is told with other addresses."""
    if one.type in _CALENDARS:
        unfolded = _FOLD.sub(b"", one.octets)
        return b"".join(_OF_PEOPLE.sub(b"", unfolded).split())
    if one.type in _MAILS:
        return _mail(one.octets)
    if one.type.startswith(("text/", "message/", "multipart/")):
        return b"\n".join(line.rstrip() for line in one.octets.splitlines()).strip()
    return one.octets.replace(b"\r\n", b"\n").rstrip(b"\n")


def _mail(octets: bytes) -> bytes:
    """An attached mail's header must be ASCII as well, so it may be encoded."""
    head, _, body = octets.replace(b"\r\n", b"\n").partition(b"\n\n")
    header = words(_FOLD.sub(b" ", head).decode("utf-8", "surrogateescape"))
    return _squeezed(header).encode() + b"\n" + b"".join(body.split())


def _text(text: str) -> str:
    return _NOTE.sub("", text)


def _fits(before: str, after: str) -> bool:
    """Return whether all is there, in order and without blanks; no more than what was unreadable.

    Readers show U+FFFD for octets that they can't read. We may have read them.
    """
    first, *others = _DAMAGE.split(_squeezed(before))
    shown = "".join(_DAMAGE.split(_squeezed(after)))
    if not others:
        return first == shown
    at = len(first) if shown.startswith(first) else -1
    for piece in others[:-1]:
        at = shown.find(piece, at) + len(piece) if at >= 0 and shown.find(piece, at) >= 0 else -1
    return at >= 0 and shown.endswith(others[-1]) and len(shown) - len(others[-1]) >= at


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _instant(date: str) -> float:
    return datetime.fromisoformat(date).timestamp()


_FIELDS: dict[str, Callable[[Reading, Reading], bool]] = {
    "sender": _keeps_sender,
    "subject": _keeps_subject,
    "date": _keeps_date,
    "thread": _keeps_thread,
    "text": _keeps_text,
    "HTML": _keeps_html,
    "attachments": _keeps_attachments,
}
"""What is compared. A charset that is read wrongly shows in the subject and the texts."""
