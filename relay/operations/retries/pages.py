"""The admin's page of what is being retried. It only reads, and needs no database."""

from urllib.parse import urlencode

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_GET

from relay.operations.guard import for_operators
from relay.operations.retries import handling
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
    }
    return TemplateResponse(request, "operations/retries.html", context)
