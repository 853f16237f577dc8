"""What every page of an owner's has in common: the link that leads to it, and what it may show."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
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
from emails.edges.held_links import (
    Expired,
    Forged,
    HeldLink,
    check_form_token,
    make_form_token,
    read_link_token,
)
from emails.store import digests
from emails.values.errors import NotFinished
from emails.values.facts import OwnerFacts

_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
}
_DONE = frozenset(
    {
        "released",
        "all_released",
        "deleted",
        "blocked",
        "unblocked",
        "digest_off",
        "digest_on",
        "nothing",
    }
)
"""What a page may say was done."""


_HIDDEN_PATH = "/emails/held/…/"


@dataclass(frozen=True, slots=True)
class Visit:
    """A request with a valid link: whose, and for which digest."""

    request: HttpRequest
    token: str
    link: HeldLink
    owner: OwnerFacts

    def url(self, page: str, *arguments: int) -> str:
        """Return the path of one of the owner's pages, by the same link."""
        return reverse(page, args=[self.token, *arguments])

    def action(self, form: str | int) -> str:
        """Return which button was pressed. Raises `Expired` or `Forged` if none on this page was.

        `form` is what the page's forms are about, as in `make_form`.
        """
        check_form_token(self.request.POST.get("form", ""), self.link, form)
        return self.request.POST.get("action", "")

    def make_form(self, form: str | int) -> str:
        """Make the token of the page's forms."""
        return make_form_token(self.link, form)

    def redirect(self, page: str, action: str, number: int) -> HttpResponse:
        """Redirect to a page that says what was done, and to how many (303: with a GET)."""
        events.held_mails_handled(action, number)
        done = action if number else "nothing"
        return HttpResponseRedirect(f"{self.url(page)}?done={done}", status=303)

    def render(self, template: str, context: dict[str, Any]) -> HttpResponse:
        """Render a page; it says what was done before, if anything."""
        done = self.request.GET.get("done")
        context |= {
            "list_url": self.url("held_mails"),
            "blocked_url": self.url("blocked_senders"),
            "digest_url": self.url("digest_switch"),
            "done": done if done in _DONE else None,
        }
        return render(self.request, template, context)


def owner_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Make a page behind the link of a digest: check the link first, as `link_page` does."""

    @link_page
    @wraps(view)
    def checked(request: HttpRequest, token: str, **arguments: Any) -> HttpResponse:
        return view(_visit(request, token), **arguments)

    return checked


def link_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Make a page behind a link: show what is wrong with the link; set language and headers."""

    @require_http_methods(["GET", "HEAD", "POST"])
    def checked(request: HttpRequest, token: str, **arguments: Any) -> HttpResponse:
        with translation.override(translation.get_language_from_request(request)):
            try:
                answer = view(request, token, **arguments)
            except Expired:
                answer = _problem(request, "expired", 410)
            except Forged:
                answer = _problem(request, "forged", 403)
            except NotFinished:
                answer = _problem(request, "busy", 503)
        for name, value in _HEADERS.items():
            answer[name] = value
        return answer

    @csrf_exempt
    @wraps(view)
    def hidden(request: HttpRequest, **arguments: Any) -> HttpResponse:
        # Django logs the path of what it refuses, and this one is a key to the owner's mail.
        request.path = _HIDDEN_PATH
        return checked(request, **arguments)

    return hidden


def _visit(request: HttpRequest, token: str) -> Visit:
    link = read_link_token(token, timedelta(days=settings.CONFIG.keep_held_days))
    owner = digests.find_owner_of(link.digest_id)
    if owner is None or not owner.is_active or not link.is_for(owner.address):
        raise Expired
    if owner.id != link.owner_id:
        raise Forged
    translation.activate(owner.language)
    return Visit(request, token, link, owner)


def _problem(request: HttpRequest, problem: str, status: int) -> HttpResponse:
    return render(request, "emails/held/problem.html", {"problem": problem}, status=status)
