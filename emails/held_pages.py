"""The owner's pages of held mails, behind the signed links of a digest. No account, no session.

GET and HEAD show and change nothing: link scanners fetch them. POST acts, then redirects to a page
that says what was done, so that reloading repeats nothing; doing the same again is harmless.

Against requests from other sites stands the form's signed token instead of a cookie: only who has
the link can get one. The pages are never stored, framed, or named to other sites, run no script,
and show neither sender nor subject: these are in S3, which this process can't read.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from emails.edges import events
from emails.edges.digest_mail import why_held
from emails.edges.held_links import (
    Expired,
    Forged,
    HeldLink,
    check_form_token,
    make_form_token,
    read_link_token,
)
from emails.store import digests, held, lookups, sender_blocks
from emails.values.digests import ToldMail
from emails.values.errors import NotFinished
from emails.values.facts import MaskRef, OwnerFacts
from emails.values.held import HeldState
from emails.wiring import reply_secret_of

_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
}
_DONE = frozenset({"released", "all_released", "deleted", "blocked", "unblocked", "nothing"})
"""What a page may say was done."""


@dataclass(frozen=True, slots=True)
class _Visit:
    """A request with a valid link: whose, and for which digest."""

    request: HttpRequest
    token: str
    link: HeldLink
    owner: OwnerFacts

    def find(self, mail_id: int | None = None) -> tuple[ToldMail, ...]:
        """Find the held mails that this link is about."""
        return digests.find_told(self.link.digest_id, self.link.owner_id, mail_id)

    def check_form(self, mail_id: int | None) -> None:
        """Check the form's token. Raises `Expired` or `Forged`."""
        check_form_token(self.request.POST.get("form", ""), self.link, mail_id)

    def redirect(self, done: str, mail_id: int | None = None) -> HttpResponse:
        """Redirect to the page that says what was done (303: with a GET)."""
        return HttpResponseRedirect(f"{_path(self.token, mail_id)}?done={done}", status=303)


def _page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Check the link, and show what is wrong with it; set the language and the headers."""

    @csrf_exempt
    @require_http_methods(["GET", "HEAD", "POST"])
    @wraps(view)
    def checked(request: HttpRequest, token: str, **arguments: Any) -> HttpResponse:
        with translation.override(translation.get_language_from_request(request)):
            try:
                answer = _answered(view, request, token, arguments)
            except Expired:
                answer = _problem(request, "expired", 410)
            except Forged:
                answer = _problem(request, "forged", 403)
            except NotFinished:
                answer = _problem(request, "busy", 503)
        for name, value in _HEADERS.items():
            answer[name] = value
        return answer

    return checked


def _answered(
    view: Callable[..., HttpResponse], request: HttpRequest, token: str, arguments: dict[str, Any]
) -> HttpResponse:
    link = read_link_token(token, timedelta(days=settings.CONFIG.keep_held_days))
    owner = digests.find_owner_of(link.digest_id)
    if owner is None or not owner.is_active or not link.is_for(owner.address):
        raise Expired
    if owner.id != link.owner_id:
        raise Forged
    translation.activate(owner.language)
    return view(_Visit(request, token, link, owner), **arguments)


@_page
def held_mails(visit: _Visit) -> HttpResponse:
    """Show what is held, to release all of it, and whom the owner blocks, to undo that."""
    if visit.request.method == "POST":
        visit.check_form(None)
        return _act_on_all(visit)
    told = visit.find()
    context = {
        "mails": [_shown(visit, one) for one in told],
        "number": len(digests.find_told_ids(visit.link.digest_id, visit.link.owner_id)),
        "blocked": _blocked(visit.owner),
        "form": make_form_token(visit.link, None),
    }
    return _render(visit, "emails/held/list.html", context)


@_page
def held_mail(visit: _Visit, mail_id: int) -> HttpResponse:
    """Show one held mail, to release or delete it, or to block its sender."""
    if visit.request.method == "POST":
        visit.check_form(mail_id)
        return _act_on_one(visit, mail_id)
    told = visit.find(mail_id)
    if not told:
        state = digests.find_state(visit.link.digest_id, visit.link.owner_id, mail_id)
        is_released = state is HeldState.RELEASING
        return _render(visit, "emails/held/gone.html", {"is_released": is_released})
    context = {
        "mail": _shown(visit, told[0]),
        "form": make_form_token(visit.link, mail_id),
        "can_block": told[0].mail.sender is not None,
        "has_mask": isinstance(told[0].mail.target, MaskRef),
        "keep_until": told[0].mail.expires_at,
    }
    return _render(visit, "emails/held/mail.html", context)


def _act_on_all(visit: _Visit) -> HttpResponse:
    match visit.request.POST.get("action"):
        case "release_all":
            ids = digests.find_told_ids(visit.link.digest_id, visit.link.owner_id)
            return visit.redirect(_done("all_released", held.release(ids)))
        case "unblock":
            number = visit.request.POST.get("blocked", "")
            block_id = int(number) if number.isascii() and number.isdigit() else 0
            removed = sender_blocks.remove_block(visit.owner.id, min(block_id, 2**63 - 1))
            return visit.redirect(_done("unblocked", int(removed)))
        case _:
            raise Forged


def _act_on_one(visit: _Visit, mail_id: int) -> HttpResponse:
    told = visit.find(mail_id)
    match visit.request.POST.get("action"):
        case "release":
            done = _done("released", held.release([one.mail.id for one in told]))
        case "delete":
            now = datetime.now(UTC)
            done = _done("deleted", held.discard([one.mail.id for one in told], now))
        case "block":
            done = _done("blocked", sum(_block(visit, one) for one in told))
        case _:
            raise Forged
    return visit.redirect(done)


def _block(visit: _Visit, told: ToldMail) -> int:
    target, scope = told.mail.target, visit.request.POST.get("scope")
    mask = target if scope == "mask" and isinstance(target, MaskRef) else None
    return sender_blocks.record_block_by_mail(told.mail, mask, datetime.now(UTC))


def _done(action: str, number: int) -> str:
    events.held_mails_handled(action, number)
    return action if number else "nothing"


def _shown(visit: _Visit, told: ToldMail) -> dict[str, Any]:
    return {
        "mask": told.mask,
        "received_at": told.mail.received_at,
        "size": told.mail.size,
        "why": why_held(told.mail.reason),
        "url": _path(visit.token, told.mail.id),
    }


def _blocked(owner: OwnerFacts) -> list[dict[str, Any]]:
    secret = reply_secret_of(settings.CONFIG, settings.SECRET_KEY)
    found = sender_blocks.find_blocked(owner.id, secret)
    masks = {one.mask: lookups.find_mask_by_ref(one.mask) for one in found if one.mask}
    return [
        {
            "id": one.id,
            "text": one.text,
            "since": one.created_at,
            "mask": mask.mask.address if (mask := one.mask and masks[one.mask]) else "",
        }
        for one in found
    ]


def _path(token: str, mail_id: int | None) -> str:
    if mail_id is None:
        return reverse("held_mails", args=[token])
    return reverse("held_mail", args=[token, mail_id])


def _render(visit: _Visit, template: str, context: dict[str, Any]) -> HttpResponse:
    done = visit.request.GET.get("done")
    context |= {"list_url": _path(visit.token, None), "done": done if done in _DONE else None}
    return render(visit.request, template, context)


def _problem(request: HttpRequest, problem: str, status: int) -> HttpResponse:
    return render(request, "emails/held/problem.html", {"problem": problem}, status=status)
