"""Renders the notes and notices that owners read, in their language. No database.

Languages without a translation fall back to English.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext_lazy

from emails.mime.plans import Note
from emails.rules.notice_kinds import NoticeKind
from emails.values.header_names import LOOP_HEADER

_SUBJECTS = {
    NoticeKind.MASK_DISABLED: gettext_lazy("Your mask was turned off"),
    NoticeKind.REPLIES_NEED_PREMIUM: gettext_lazy("Your reply was not sent"),
    NoticeKind.FIRST_REPLY: gettext_lazy("Your first reply was sent"),
    NoticeKind.REPLIES_PAUSED: gettext_lazy("Your reply was not sent"),
}


def forward_note(mask: str, language: str, trackers_removed: Mapping[str, int]) -> Note:
    """Make the header and footer of a mail forwarded from `mask`.

    `trackers_removed` maps domains to how many of their trackers were removed.
    """
    context = {
        "mask": mask,
        "trackers": sorted(trackers_removed.items()),
        "tracker_count": sum(trackers_removed.values()),
        "site_origin": settings.SITE_ORIGIN,
    }
    with translation.override(language):
        return Note(
            text_header=render_to_string("emails/note/header.txt", context).strip(),
            text_footer=render_to_string("emails/note/footer.txt", context).strip(),
            html_header=render_to_string("emails/note/header.html", context),
            html_footer=render_to_string("emails/note/footer.html", context),
        )


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice in one language: its subject, and its body as text and as HTML."""

    subject: str
    text: str
    html: str


def notice(kind: NoticeKind, mask: str, language: str) -> Notice:
    """Render a notice about a mask."""
    context = {"mask": mask, "site_origin": settings.SITE_ORIGIN}
    with translation.override(language):
        subject = str(_SUBJECTS[kind])
        context |= {"subject": subject, "language": translation.get_language() or "en"}
        return Notice(
            subject=subject,
            text=render_to_string(f"emails/notice/{kind}.txt", context),
            html=render_to_string(f"emails/notice/{kind}.html", context),
        )


def notice_mail(kind: NoticeKind, mask: str, recipient: str, language: str, now: datetime) -> bytes:
    """Make the notice's mail, marked so that no machine answers it (RFC 3834)."""
    rendered = notice(kind, mask, language)
    mail = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    mail["From"] = settings.CONFIG.from_address
    mail["To"] = recipient
    mail["Subject"] = rendered.subject
    mail["Date"] = format_datetime(now)
    mail["Auto-Submitted"] = "auto-generated"
    mail[LOOP_HEADER] = "1"
    mail.set_content(rendered.text)
    mail.add_alternative(rendered.html, subtype="html")
    return mail.as_bytes()
