"""The admin's page of what the workers run. It only reads, and needs no database."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_GET

from relay.operations.guard import for_operators
from relay.operations.judgement.durations import duration
from relay.operations.running import handling
from relay.operations.trace.pages import PERMISSION

SHOWN = 100


@require_GET
@for_operators(PERMISSION, only_reads=True)
def list_page(request: HttpRequest) -> HttpResponse:
    """Show what the workers run."""
    found = handling.find()
    context = {
        **admin.site.each_context(request),
        "title": "Running",
        "is_nav_sidebar_enabled": False,
        "rows": [
            {"run": one, "lasts": "not known" if one.seconds is None else duration(one.seconds)}
            for one in found.runs[:SHOWN]
        ],
        "number": len(found.runs),
        "is_cut": len(found.runs) > SHOWN,
        "notes": found.notes,
    }
    return TemplateResponse(request, "operations/running.html", context)
