"""The page of lanes: whose mail fills the relay, what waits, and a button that releases a lane."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_GET, require_POST

from relay.operations import models
from relay.operations.guard import for_operators
from relay.operations.lanes import handling

SHOWN = 50
HOURS = (1, 6, 24)
MOST_DIGITS = 3
"""Python refuses to read thousands of them."""


@require_GET
@for_operators(models.VIEW_CONTROLS)
def list_page(request: HttpRequest) -> HttpResponse:
    """Show the busiest lanes or, given `lane`, only that one."""
    name = request.GET.get("lane", "").strip()
    found, error = [], ""
    try:
        found = handling.find([name] if name else [], SHOWN)
    except handling.NotAllowed as not_allowed:
        error = f"{not_allowed}."
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Lanes",
        "found": found,
        "asked": name,
        "error": error,
        "hours": HOURS,
        "may_change": request.user.has_perm(models.CHANGE_CONTROLS),
    }
    return TemplateResponse(request, "operations/lanes.html", context)


@require_POST
@for_operators(models.CHANGE_CONTROLS)
def release_page(request: HttpRequest) -> HttpResponseBase:
    """Release a lane for some hours, or end that."""
    name, hours = request.POST.get("lane", ""), request.POST.get("hours", "")
    try:
        if not hours.isdecimal() or len(hours) > MOST_DIGITS:
            raise handling.NotAllowed(f"hours must be a whole number up to {handling.MOST_HOURS}")
        handling.release(name, int(hours), by=request.user.get_username())
    except handling.NotAllowed as not_allowed:
        messages.error(request, f"{not_allowed}.")
    else:
        begins = f"goes before other mail for {hours} h. {handling.IN_FLIGHT_GOES_ON}"
        end = begins if int(hours) else "has its share again."
        messages.success(request, f"Mail of lane {name} {end}")
    return redirect("lanes")
