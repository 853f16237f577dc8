"""The admin's page of what is being retried. To read it needs no database; to let a message run
at once is a POST, and recorded.
"""

from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from relay.operations import models
from relay.operations.dead_letters import audit
from relay.operations.dead_letters.filters import is_id
from relay.operations.guard import for_operators
from relay.operations.retries import handling, now
from relay.operations.retries.retry import Waits
from relay.operations.trace.pages import PERMISSION

SHOWN = 100


@require_GET
@for_operators(PERMISSION, only_reads=True)
def list_page(request: HttpRequest) -> HttpResponse:
    """Show what is being retried or, given `reason`, what of it failed so last."""
    reason, found, page = request.GET.get("reason", ""), handling.find(), reverse("retries")
    chosen = found.of(reason)
    context = {
        **admin.site.each_context(request),
        "title": "Retries",
        "is_nav_sidebar_enabled": False,
        "retries": chosen[:SHOWN],
        "shown": min(SHOWN, len(chosen)),
        "number": len(chosen),
        "is_cut": len(chosen) > SHOWN,
        "reason": reason if chosen else "",
        "all_url": page,
        "total": len(found.retries),
        "counts": [
            {"reason": name, "count": count, "url": f"{page}?{urlencode({'reason': name})}"}
            for name, count in found.counted()
        ],
        "left_out": found.left_out,
        "may_try_now": _may_try_now(request),
        "its_time": Waits.TIME,
    }
    return TemplateResponse(request, "operations/retries.html", context)


@require_POST
@for_operators(PERMISSION)
def now_page(request: HttpRequest) -> HttpResponseBase:
    """Let a message run at once, if permitted, and record who wished it."""
    if not _may_try_now(request):
        raise PermissionDenied
    ids = [one for one in request.POST.getlist("id")[:1] if is_id(one)]
    for one in now.try_now(ids):
        audit.record_tried_now(request.user, one.id, one.result)
        say = messages.info if one.result is now.Result.NOW else messages.warning
        say(request, f"Message {one.id} {one.result}.")
    return redirect("retries")


def _may_try_now(request: HttpRequest) -> bool:
    return request.user.has_perm(models.REQUEUE)
