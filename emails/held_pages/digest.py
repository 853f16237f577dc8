"""The switch of an owner's digest. Off, nobody tells the owner of held mails; the page says so."""

from django.conf import settings
from django.http import HttpResponse

from emails.edges.held_links import Forged
from emails.held_pages.visit import Visit, owner_page
from emails.store import digests

_FORM = "digest"


@owner_page
def digest_switch(visit: Visit) -> HttpResponse:
    """Show whether the owner gets digests, to turn them off or on."""
    if visit.request.method == "POST":
        return _act(visit)
    context = {
        "is_on": digests.find_whether_wanted(visit.owner.id),
        "keep_days": settings.CONFIG.keep_held_days,
        "form": visit.make_form(_FORM),
    }
    return visit.render("emails/held/digest.html", context)


def _act(visit: Visit) -> HttpResponse:
    action = visit.action(_FORM)
    if action not in ("digest_off", "digest_on"):
        raise Forged
    changed = digests.record_whether_wanted(visit.owner.id, is_wanted=action == "digest_on")
    return visit.redirect("digest_switch", action, int(changed))
