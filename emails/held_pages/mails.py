"""The pages of held mails: all of them, and one."""

from datetime import UTC, datetime
from typing import Any

from django.http import HttpResponse

from emails.edges.digest_mail import why_held
from emails.edges.held_links import Forged
from emails.held_pages.visit import Visit, owner_page
from emails.store import digests, held, sender_blocks
from emails.values.digests import ToldMail
from emails.values.facts import MaskRef
from emails.values.held import HeldState

_ALL = "all"


@owner_page
def held_mails(visit: Visit) -> HttpResponse:
    """Show what is held, to release all of it."""
    if visit.request.method == "POST":
        if visit.action(_ALL) != "release_all":
            raise Forged
        return visit.redirect("held_mails", "all_released", held.release(_find_ids(visit)))
    context = {
        "mails": [_shown(visit, one) for one in _find(visit)],
        "number": len(_find_ids(visit)),
        "form": visit.make_form(_ALL),
    }
    return visit.render("emails/held/list.html", context)


@owner_page
def held_mail(visit: Visit, mail_id: int) -> HttpResponse:
    """Show one held mail, to release or delete it, or to block its sender."""
    if visit.request.method == "POST":
        return _act_on_one(visit, mail_id)
    told = _find(visit, mail_id)
    if not told:
        state = digests.find_state(visit.link.digest_id, visit.link.owner_id, mail_id)
        is_released = state is HeldState.RELEASING
        return visit.render("emails/held/gone.html", {"is_released": is_released})
    context = {
        "mail": _shown(visit, told[0]),
        "form": visit.make_form(mail_id),
        "can_block": told[0].mail.sender is not None,
        "has_mask": isinstance(told[0].mail.target, MaskRef),
    }
    return visit.render("emails/held/mail.html", context)


def _act_on_one(visit: Visit, mail_id: int) -> HttpResponse:
    action = visit.action(mail_id)
    told = _find(visit, mail_id)
    ids = [one.mail.id for one in told]
    match action:
        case "release":
            return visit.redirect("held_mails", "released", held.release(ids))
        case "delete":
            number = held.discard(ids, datetime.now(UTC))
            return visit.redirect("held_mails", "deleted", number)
        case "block":
            number = sum(_block(visit, one) for one in told)
            return visit.redirect("held_mails", "blocked", number)
        case _:
            raise Forged


def _block(visit: Visit, told: ToldMail) -> int:
    target, scope = told.mail.target, visit.request.POST.get("scope")
    mask = target if scope == "mask" and isinstance(target, MaskRef) else None
    return sender_blocks.record_block_by_mail(told.mail, mask, datetime.now(UTC))


def _find(visit: Visit, mail_id: int | None = None) -> tuple[ToldMail, ...]:
    """Find the held mails that this link is about."""
    return digests.find_told(visit.link.digest_id, visit.link.owner_id, mail_id)


def _find_ids(visit: Visit) -> list[int]:
    return digests.find_told_ids(visit.link.digest_id, visit.link.owner_id)


def _shown(visit: Visit, told: ToldMail) -> dict[str, Any]:
    return {
        "mask": told.mask,
        "received_at": told.mail.received_at,
        "size": told.mail.size,
        "why": why_held(told.mail.reason),
        "kept_until": told.mail.expires_at,
        "url": visit.url("held_mail", told.mail.id),
    }
