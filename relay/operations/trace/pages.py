"""The admin's page of a trace. Ids are posted, and appear in a URL only once they are checked."""

from urllib.parse import urlencode

from django.contrib import admin
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from relay.operations.guard import for_operators
from relay.operations.trace import formatting, looking
from relay.operations.trace.evidence import DeliveryRow
from relay.operations.trace.telling import end_of

PERMISSION = "emails.view_delivery"
"""Who may see deliveries, may see their stories: both are ids, words and times."""


@require_GET
@for_operators(PERMISSION, only_reads=True)
def trace_page(request: HttpRequest) -> HttpResponse:
    """Show the story of the mail with this id, or a form to ask for one."""
    given = request.GET.get("id", "")
    if not given:
        return _page(request)
    try:
        return _story(request, looking.read_id(given))
    except looking.NoId as error:
        return _page(request, error=str(error), status=400)


@require_POST
@for_operators(PERMISSION)
def find_page(request: HttpRequest) -> HttpResponseBase:
    """Redirect to the story, or list a mask's mails; what is wrong is not put into a URL."""
    given, at = request.POST.get("id", ""), request.POST.get("at", "").strip()
    try:
        if not at:
            return _to_story(looking.read_id(given))
        mask, moment = looking.read_mask(given.strip()), looking.read_time(at)
        found = looking.find_of_mask(mask, moment, looking.WITHIN)
    except looking.NoId as error:
        return _page(request, error=str(error), status=400)
    except DatabaseError as error:
        return _page(request, error=f"PostgreSQL: {type(error).__name__}", status=503)
    if len(found) == 1:
        return _to_story(found[0].reference)
    return _page(request, found=found, error="" if found else f"No mail to {mask} is known then.")


def _story(request: HttpRequest, given: str) -> HttpResponse:
    trace = looking.trace(given)
    steps = [
        (step.at, after, formatting.words_for(step), step.source)
        for step, after in formatting.with_gaps(trace.steps)
    ]
    shown = formatting.as_json(trace)
    ids = {name: shown[name] for name in _IDS if shown[name]}
    context = {"given": given, "trace": trace, "steps": steps, "ids": ids}
    return TemplateResponse(
        request,
        "operations/trace.html",
        {**_context(request), **context},
        status=200 if trace.steps else 404,
    )


_IDS = ("sqs_message_ids", "sns_message_ids", "mail_ids", "deliveries", "masks", "trace_ids")


def _page(
    request: HttpRequest,
    *,
    error: str = "",
    found: list[DeliveryRow] | None = None,
    status: int = 200,
) -> HttpResponse:
    rows = [(row.created_at, row.reference, row.purpose, end_of(row)) for row in found or ()]
    context = {**_context(request), "error": error, "found": rows}
    return TemplateResponse(request, "operations/trace.html", context, status=status)


def _context(request: HttpRequest) -> dict[str, object]:
    return {**admin.site.each_context(request), "title": "Trace a mail"}


def _to_story(given: str) -> HttpResponse:
    return redirect(f"{reverse('trace')}?{urlencode({'id': given})}")
