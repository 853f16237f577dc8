"""Invitations in mails: makes them answerable from the mask, and knows answers (`calendars.py`)."""

from collections.abc import Iterator

from emails.mime.assemble import MailChanges
from emails.mime.body import is_sealed
from emails.mime.calendars import PUBLISH, answerable, is_calendar, is_of_attendee, is_published
from emails.mime.header_block import unfolded
from emails.mime.issues import Issue
from emails.mime.parameters import readable_parameters, with_parameters
from emails.mime.plans import ForwardPlan
from emails.mime.reply_kinds import names_of
from emails.mime.structure import Part, split, walk
from emails.mime.texts import is_small, replace_text, text_of

_FILE = ".ics"
"""Calendars open a file of this name, whatever its type."""


def make_answerable(changes: MailChanges, plan: ForwardPlan, issues: set[Issue]) -> None:
    """Change the calendars of a mail, also attached ones. Signed ones stay as they are."""
    for part in _calendars(changes.root):
        before = text_of(changes.raw, part, issues)
        text = answerable(before.text, plan.organizers, plan.mask, plan.recipient)
        if text == before.text:
            continue
        replace_text(changes, part, before, text)
        if is_published(text) and not is_published(before.text):
            _declare_published(changes, part)


def answers_invitation(raw: bytes) -> bool:
    """Return whether the mail has a calendar in which an attendee answers (RFC 5546, 1.4)."""
    calendars = (part for part in walk(split(raw)) if is_calendar(part) and is_small(part))
    return any(is_of_attendee(text_of(raw, part, set()).text) for part in calendars)


def _declare_published(changes: MailChanges, part: Part) -> None:
    """Say in the part's type, too, that no answer is asked for (RFC 6047, 2.4)."""
    written = changes.headers[part].content_type
    values = [unfolded(written.encode())] if written else part.values("content-type")
    given = readable_parameters(b"".join(values[:1]))
    if "method" in given:
        given["method"] = PUBLISH
        changes.change_header(part, content_type=with_parameters(part.content_type, given))


def _calendars(root: Part) -> Iterator[Part]:
    waiting = [root]
    while waiting:
        part = waiting.pop()
        if _opens_as_calendar(part) and is_small(part):
            yield part
        elif part.main_type == "multipart" and not is_sealed(part):
            waiting.extend(reversed(part.children))


def _opens_as_calendar(part: Part) -> bool:
    is_named = part.is_leaf and any(name.endswith(_FILE) for name in names_of(part))
    return is_named or is_calendar(part)
