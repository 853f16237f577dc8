"""Pages: previews of our notes and notices for staff, and the page that removed links lead to."""

from datetime import UTC, datetime

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render as render_page
from django.utils import translation
from django.views.decorators.http import require_safe

from emails.edges import note
from emails.edges.notice_mail import render_notice
from emails.models import LANGUAGES
from emails.rules.warnings import MailWarning
from emails.values.facts import NotePlace
from emails.values.notices import Notice, NoticeKind

_MASK = "x7k2@masks.example"
_TRACKERS = {"tracker.example": 2, "ads.example": 1}
_RENAMED = ("server.crt",)
_FORWARDED = "forwarded"
_PREVIEW_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""Mails have styles in each element."""

_WARNING_HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
}


@require_safe
@admin.site.admin_view
def previews(request: HttpRequest) -> HttpResponse:
    """List all previews."""
    context = {"names": [*NoticeKind, _FORWARDED], "languages": LANGUAGES}
    return _as_mail(render_page(request, "emails/previews.html", context))


@require_safe
@admin.site.admin_view
def preview(request: HttpRequest, name: str, language: str, form: str) -> HttpResponse:
    """Show a notice, or the note of a forwarded mail. `form` is `html` or `txt`."""
    if language not in dict(LANGUAGES):
        raise Http404
    if name == _FORWARDED:
        html, text = _previewed_note(language)
    elif name in list(NoticeKind):
        notice = render_notice(Notice(NoticeKind(name), _MASK), language)
        html, text = notice.html, f"{notice.subject}\n\n{notice.text}"
    else:
        raise Http404
    if form == "html":
        return _as_mail(HttpResponse(html))
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


def _as_mail(page: HttpResponse) -> HttpResponse:
    page["Content-Security-Policy"] = _PREVIEW_POLICY
    return page


def _previewed_note(language: str) -> tuple[str, str]:
    """Return our note as HTML and as text, once with warnings and once without."""
    plans = (
        note.sample_plan(_MASK, language, NotePlace.BOTTOM, warnings)
        for warnings in (tuple(MailWarning), ())
    )
    notes = [
        note.forward_note(plan, datetime.now(UTC), _TRACKERS, _RENAMED, secret=b"preview")
        for plan in plans
    ]
    html = "<p>…</p>".join(one.html for one in notes if one)
    text = "\n\n…\n\n".join(one.text for one in notes if one)
    return f'<meta name="color-scheme" content="light dark">{html}', text


@require_safe
def tracker_warning(request: HttpRequest) -> HttpResponse:
    """Explain that the link was a tracker's, which the owner asked us to remove.

    A script shows where it led: that stands behind the `#`, so only the browser knows it.
    """
    with translation.override(translation.get_language_from_request(request)):
        page = render_page(request, "emails/tracker_warning.html")
    for name, value in _WARNING_HEADERS.items():
        page[name] = value
    return page
