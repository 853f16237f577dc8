"""The page of controls: what is in force, what was, and a form that orders one."""

from typing import Any

from django.contrib import admin, messages
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_GET, require_POST

from relay.operations import models
from relay.operations.controls import describe, handling
from relay.operations.controls.forms import OrderForm
from relay.operations.guard import for_operators
from runtime.controls.values import NotAllowed

HISTORY = 50


@require_GET
@for_operators(models.VIEW_CONTROLS, only_reads=True)
def list_page(request: HttpRequest) -> HttpResponse:
    """Show the controls."""
    return _list(request, OrderForm())


@require_POST
@for_operators(models.CHANGE_CONTROLS)
def order_page(request: HttpRequest) -> HttpResponseBase:
    """Order a control; what is wrong with it is shown in the form."""
    form = OrderForm(request.POST)
    if not form.is_valid():
        return _list(request, form)
    asked = form.cleaned_data
    try:
        done = handling.start(
            asked["action"],
            asked["target"],
            by=request.user.get_username(),
            why=asked["why"],
            seconds=asked["lasts"],
        )
    except NotAllowed as error:
        form.add_error(None, f"{error}.")
        return _list(request, form)
    messages.success(request, describe.sentence(done.control))
    return redirect("controls")


@require_POST
@for_operators(models.CHANGE_CONTROLS)
def end_page(request: HttpRequest) -> HttpResponseBase:
    """End a control."""
    done = handling.end(request.POST.get("id", ""), by=request.user.get_username())
    if done is None:
        messages.warning(request, "It was not in force any more.")
    else:
        messages.success(request, f"Ended: {done.control.what}.")
    return redirect("controls")


def _list(request: HttpRequest, form: OrderForm) -> HttpResponse:
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Controls",
        "form": form,
        "may_change": request.user.has_perm(models.CHANGE_CONTROLS),
        "active": [(one, describe.sentence(one)) for one in handling.find_active()],
        "lost": [describe.lost_record(row) for row in handling.find_lost()],
        "history": _find_history(),
    }
    return TemplateResponse(request, "operations/controls.html", context)


def _find_history() -> list[models.ControlRecord] | None:
    """Find what was ordered, the latest first; None: the database can't tell."""
    try:
        return list(models.ControlRecord.objects.order_by("-since", "-pk")[:HISTORY])
    except (OperationalError, InterfaceError):
        connection.close()
        return None
