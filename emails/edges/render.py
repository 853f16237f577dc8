"""Renders the notes that owners read, in their language, and makes mails to them. No database.

Languages without a translation fall back to English.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import cache

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation

from emails.mime.blocked_names import SUFFIX
from emails.mime.plans import Note, NoteWording
from emails.values.header_names import LOOP_HEADER

_MAX_NAMES, _MAX_NAME = 5, 60
"""How many of the sender's file names the note shows, and how much of each."""


def forward_note(
    mask: str, language: str, trackers_removed: Mapping[str, int], renamed: Sequence[str] = ()
) -> Note:
    """Make the header and footer of a mail forwarded from `mask`.

    `trackers_removed` maps domains to how many of their trackers were removed; `renamed` are the
    names of the attachments that were renamed. The sender chose those, so they are shortened.
    """
    context = {
        "mask": mask,
        "trackers": sorted(trackers_removed.items()),
        "tracker_count": sum(trackers_removed.values()),
        "site_origin": settings.SITE_ORIGIN,
    }
    with translation.override(language):
        note = Note(
            text_header=render_to_string("emails/note/header.txt", context).strip(),
            text_footer=render_to_string("emails/note/footer.txt", context).strip(),
            html_header=render_to_string("emails/note/header.html", context),
            html_footer=render_to_string("emails/note/footer.html", context),
        )
        return _with_renamed(note, renamed) if renamed else note


def _with_renamed(note: Note, renamed: Sequence[str]) -> Note:
    """Add to the footer. Templates of its own: nearly no mail needs them, and each takes time."""
    context = {
        "renamed": [shortened(name) for name in renamed[:_MAX_NAMES]],
        "more_renamed": len(renamed) - _MAX_NAMES,
        "suffix": SUFFIX,
    }
    text = render_to_string("emails/note/renamed.txt", context).strip()
    html = render_to_string("emails/note/renamed.html", context)
    return replace(
        note, text_footer=f"{note.text_footer}\n{text}", html_footer=note.html_footer + html
    )


def shortened(name: str) -> str:
    """Shorten a file name in the middle, so that its extension is seen, and keep it in one line."""
    text = "".join(letter if letter.isprintable() else " " for letter in name)
    half = _MAX_NAME // 2
    return text if len(text) <= _MAX_NAME else f"{text[:half]}…{text[1 - half :]}"


def note_wordings(mask: str, languages: Iterable[str]) -> tuple[NoteWording, ...]:
    """Return how the note of a mail forwarded from `mask` reads, in each of the languages."""
    return tuple(_filled_in(_wording(language), mask) for language in languages)


@cache
def _wording(language: str) -> NoteWording:
    """Read the note's sentences off rendered notes, with U+E000 for the mask and for numbers."""
    one = forward_note(_BLANK, language, {"": 1}, [""])
    two = forward_note(_BLANK, language, {"": 2}, ["", ""])
    _, footer, one_tracker, _, one_renamed, *_ = one.text_footer.splitlines()
    _, _, two_trackers, _, two_renamed, *_ = two.text_footer.splitlines()
    return NoteWording(
        mask=_BLANK,
        header=one.text_header,
        footers=(footer, *_FORMER_FOOTERS.get(language, ())),
        trackers=(one_tracker.replace("1", _BLANK), two_trackers.replace("2", _BLANK)),
        renamed=(one_renamed, two_renamed),
    )


_BLANK = "\ue000"
_FORMER_FOOTERS = {
    "en": (f"Forwarded from your mask {_BLANK}. Your answer goes out from it, too.",),
}
"""How the footer read before: such mails are still being answered."""


def _filled_in(wording: NoteWording, mask: str) -> NoteWording:
    return replace(
        wording,
        mask=mask,
        header=wording.header.replace(_BLANK, mask),
        footers=tuple(footer.replace(_BLANK, mask) for footer in wording.footers),
    )


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice in one language: its subject, and its body as text and as HTML."""

    subject: str
    text: str
    html: str


def owner_mail(rendered: Notice, recipient: str, now: datetime) -> bytes:
    """Make the mail of a rendered notice to an owner, marked so that no machine answers it."""
    mail = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    mail["From"] = settings.CONFIG.from_address
    mail["To"] = recipient
    mail["Subject"] = rendered.subject
    mail["Date"] = format_datetime(now)
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail[LOOP_HEADER] = "notice"
    mail.set_content(rendered.text)
    mail.add_alternative(rendered.html, subtype="html")
    return mail.as_bytes()
