"""The page of the senders whom an owner blocks, to see and undo that."""

from typing import Any

from django.conf import settings
from django.http import HttpResponse

from emails.edges.held_links import Forged
from emails.held_pages.visit import Visit, owner_page
from emails.store import lookups, sender_blocks
from emails.values.facts import OwnerFacts

_FORM = "blocked"
_LARGEST_ID = 2**63 - 1


@owner_page
def blocked_senders(visit: Visit) -> HttpResponse:
    """Show whom the owner blocks, to unblock them."""
    if visit.request.method == "POST":
        if visit.action(_FORM) != "unblock":
            raise Forged
        removed = sender_blocks.remove_block(visit.owner.id, _chosen(visit))
        return visit.redirect("blocked_senders", "unblocked", int(removed))
    context = {"blocked": _blocked(visit.owner), "form": visit.make_form(_FORM)}
    return visit.render("emails/held/blocked.html", context)


def _chosen(visit: Visit) -> int:
    number = visit.request.POST.get("blocked", "")
    return min(int(number[:20]), _LARGEST_ID) if number.isascii() and number.isdigit() else 0


def _blocked(owner: OwnerFacts) -> list[dict[str, Any]]:
    found = sender_blocks.find_blocked(owner.id, settings.REPLY_SECRETS)
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
