"""Makes mails to owners. No database.

Languages without a translation fall back to English.
"""

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from django.conf import settings

from emails.values.header_names import LOOP_HEADER


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
