"""Renders notices, in their owner's language, and makes mails of them. No database.

Languages without a translation fall back to English.
"""

from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation

from emails.edges.notice_texts import SEVERAL, TEXTS
from emails.edges.render import Notice as Rendered
from emails.edges.render import owner_mail
from emails.values.notices import MailIds, Notice

_MAX_REFERENCES = 20
_MAX_ID = 900


def render_notice(notice: Notice, language: str) -> Rendered:
    """Render a notice."""
    values = {"mask": notice.mask, "site_origin": settings.SITE_ORIGIN}
    text = TEXTS[notice.kind]
    with translation.override(language):
        subject = str(text.subject)
        paragraphs = [one % values for one in _paragraphs(notice)]
        is_mask_named = any(notice.mask in one for one in paragraphs)
        context = {
            "subject": subject,
            "language": translation.get_language() or "en",
            "paragraphs": paragraphs,
            "several": str(SEVERAL) if text.is_for_several else "",
            "mask": "" if is_mask_named else notice.mask,
            "correspondent": notice.correspondent,
            "site_origin": settings.SITE_ORIGIN,
        }
        return Rendered(
            subject=subject,
            text=render_to_string("emails/notice/notice.txt", context),
            html=render_to_string("emails/notice/notice.html", context),
        )


def notice_mail(notice: Notice, recipient: str, language: str, now: datetime) -> bytes:
    """Make the notice's mail, shown under what it is about, and answered by no machine."""
    mail = owner_mail(render_notice(notice, language), recipient, now)
    return _thread_fields(notice.about) + mail


def _paragraphs(notice: Notice) -> Iterator[str]:
    text = TEXTS[notice.kind]
    first, *others = text.paragraphs
    yield str(first)
    if text.whys is not None:
        yield str(text.whys.get(notice.why, text.whys[None]))
    yield from map(str, others)


def _thread_fields(about: MailIds) -> bytes:
    """Write the two fields by hand: Python's own writer encodes ids that are longer than a line."""
    answered = [about.message_id] if about.message_id and _is_id(about.message_id) else []
    quoted = [*filter(_is_id, about.references), *answered][-_MAX_REFERENCES:]
    lines = [f"In-Reply-To: <{one}>" for one in answered]
    if quoted:
        lines.append("References: " + "\r\n ".join(f"<{one}>" for one in quoted))
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def _is_id(text: str) -> bool:
    """Return whether this can stand between angle brackets. Strangers chose some of them."""
    is_plain = text.isascii() and text.isprintable() and not set(text) & set(" <>")
    return is_plain and 0 < len(text) < _MAX_ID
