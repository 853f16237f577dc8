"""The pages behind the links in our notes: turn this mask off, block this sender. And undo it.

As with the pages of held mails: no account and no session, GET changes nothing, POST acts and then
redirects. A page names the mask and the sender, both of which its visitor has read in the mail.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation

from emails.edges import events
from emails.edges.held_links import Expired, Forged
from emails.edges.note_links import NoteLink, check_form_token, make_form_token, read_link_token
from emails.held_pages.visit import link_page
from emails.rules.sender_blocks import Sender
from emails.store import lookups, mask_switch, sender_blocks
from emails.values.facts import Block, FoundMask, MaskRef, OwnerFacts

_DONE = frozenset({"off", "on", "blocked", "unblocked", "nothing"})
"""What a page may say was done."""


@dataclass(frozen=True, slots=True)
class _Visit:
    """A request with a valid link, and the mask that it is about."""

    request: HttpRequest
    token: str
    action: str
    link: NoteLink
    owner: OwnerFacts
    mask: FoundMask

    def pressed(self) -> str:
        """Return which button was pressed. Raises `Expired` or `Forged` if none here was."""
        check_form_token(self.request.POST.get("form", ""), self.link, self.action)
        return self.request.POST.get("action", "")

    def redirect(self, done: str, *, is_new: bool) -> HttpResponse:
        """Redirect to the page that says what was done (303: with a GET)."""
        path = reverse(self.action, args=[self.token])
        events.note_link_used(done, self.link.mask, is_new=is_new)
        return HttpResponseRedirect(f"{path}?done={done if is_new else 'nothing'}", status=303)

    def render(self, template: str, context: dict[str, Any]) -> HttpResponse:
        """Render a page; it says what was done before, if anything."""
        done = self.request.GET.get("done")
        other = "note_off" if self.action == "note_block" else "note_block"
        context |= {
            "other_url": reverse(other, args=[self.token]) if self.link.sender else None,
            "form": make_form_token(self.link, self.action),
            "mask": self.mask.address,
            "done": done if done in _DONE else None,
        }
        return render(self.request, template, context)


@link_page
def turn_off(request: HttpRequest, token: str) -> HttpResponse:
    """Show whether the mask is on, to turn it off or on."""
    visit = _visit(request, token, "note_off")
    if request.method != "POST":
        is_off = visit.mask.mask.block is Block.ALL
        return visit.render("emails/note/off_page.html", {"is_off": is_off})
    match visit.pressed():
        case "off":
            block = Block.ALL
        case "on":
            block = Block.NONE
        case _:
            raise Forged
    is_new = mask_switch.record_block(visit.owner.id, visit.link.mask, block)
    return visit.redirect("off" if block is Block.ALL else "on", is_new=is_new)


@link_page
def block_sender(request: HttpRequest, token: str) -> HttpResponse:
    """Show whether the sender is blocked, to block or unblock them."""
    visit = _visit(request, token, "note_block")
    sender, secrets = visit.link.sender, settings.REPLY_SECRETS
    if sender is None:
        raise Forged
    if request.method != "POST":
        blocked = {
            scope: sender_blocks.find_is_blocked_for(visit.owner.id, sender, mask, secrets)
            for scope, mask in _scopes(visit).items()
        }
        context = {"sender": sender.text, "blocked": blocked}
        return visit.render("emails/note/block_page.html", context)
    if request.POST.get("List-Unsubscribe") == "One-Click":
        return _unsubscribe(visit, sender)
    match visit.pressed():
        case "block":
            return _block(visit, sender)
        case "unblock":
            removed = [
                sender_blocks.remove_block_of(visit.owner.id, sender, mask, secrets)
                for mask in _scopes(visit).values()
            ]
            return visit.redirect("unblocked", is_new=any(removed))
        case _:
            raise Forged


def _block(visit: _Visit, sender: Sender) -> HttpResponse:
    scopes, secrets = _scopes(visit), settings.REPLY_SECRETS
    scope = visit.request.POST.get("scope", "")
    if scope not in scopes:
        raise Forged
    mask = scopes[scope]
    is_new = not sender_blocks.find_is_blocked_for(visit.owner.id, sender, mask, secrets)
    sender_blocks.record_block(visit.owner.id, sender, mask, secrets, datetime.now(UTC))
    return visit.redirect("blocked", is_new=is_new)


def _unsubscribe(visit: _Visit, sender: Sender) -> HttpResponse:
    """Block the sender for this mask. The owner's mail provider posts this, without our form.

    It must not be redirected (RFC 8058, 3.2). Who lacks the link can't make it up.
    """
    sender_blocks.record_block(
        visit.owner.id, sender, visit.link.mask, settings.REPLY_SECRETS, datetime.now(UTC)
    )
    events.note_link_used("unsubscribed", visit.link.mask, is_new=True)
    return HttpResponse(status=204)


def _scopes(visit: _Visit) -> dict[str, MaskRef | None]:
    return {"all": None, "mask": visit.link.mask}


def _visit(request: HttpRequest, token: str, page: str) -> _Visit:
    """Check the link. Raises `Expired` or `Forged`."""
    max_age = timedelta(days=settings.CONFIG.reply_retention_days)
    link = read_link_token(token, max_age, datetime.now(UTC), settings.REPLY_SECRETS[0])
    mask = lookups.find_mask_by_ref(link.mask)
    if mask is None or mask.owner.id != link.owner_id:
        raise Expired
    owner = mask.owner
    if not owner.is_active or not link.is_for(owner.address):
        raise Expired
    translation.activate(owner.language)
    return _Visit(request, token, page, link, owner, mask)
