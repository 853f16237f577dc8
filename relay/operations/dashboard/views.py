"""The dashboard's pages, for staff with the permission `dashboard.view_dashboard`."""

import time
from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from redis.exceptions import RedisError

from relay.operations import history
from relay.operations.dashboard import presentation, runbook, snapshot
from relay.operations.dashboard.charts import charts_of, columns
from relay.operations.fail_fast import fail_fast_redis
from runtime.tally import find_counts

PERMISSION = "dashboard.view_dashboard"

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy: these pages load nothing from other sites and run nothing inline."""

View = Callable[..., HttpResponse]


def _for_operators(view: View) -> View:
    """Admit only users with the permission; others are asked to log in, or told what they lack."""

    @require_safe
    @never_cache
    @wraps(view)
    def guarded(request: HttpRequest, **named: str) -> HttpResponse:
        user = request.user
        if user.is_active and user.is_staff and user.has_perm(PERMISSION):
            response = view(request, **named)
        elif request.path.endswith(".json"):
            response = JsonResponse({"error": "not logged in, or not permitted"}, status=403)
        elif user.is_active and user.is_staff:
            context = _context(request, "Not permitted") | {"permission": PERMISSION}
            response = render(request, "dashboard/forbidden.html", context, status=403)
        else:
            response = redirect_to_login(request.get_full_path(), reverse("admin:login"))
        response["Content-Security-Policy"] = _POLICY
        return response

    return guarded


@_for_operators
def dashboard(request: HttpRequest) -> HttpResponse:
    """Show the page; its numbers come from the URLs below."""
    return render(request, "dashboard/dashboard.html", _context(request, "Dashboard"))


@_for_operators
def live(request: HttpRequest) -> HttpResponse:
    """Return the present numbers."""
    taken = snapshot.take(settings.CONFIG)
    return JsonResponse(presentation.shown(taken, reverse("runbook")))


@_for_operators
def charts(request: HttpRequest) -> HttpResponse:
    """Return the last day by minute, up to the last complete one."""
    config = settings.CONFIG
    last = int(time.time() // 60) - 1
    minutes = range(last - history.MINUTES + 1, last + 1)
    try:
        client = fail_fast_redis(config.redis_url)
        samples, counts = history.find(client, last), find_counts(client, minutes)
    except RedisError as error:
        return JsonResponse({"error": f"Redis: {type(error).__name__}"}, status=503)
    queues = (_queue_name(config.queue_url), _queue_name(config.dead_letter_queue_url))
    return JsonResponse(columns(charts_of(*queues), minutes, samples, counts))


@_for_operators
def show_runbook(request: HttpRequest, name: str = "runbook") -> HttpResponse:
    """Show docs/runbook.md, or another page of docs/ that it links to."""
    try:
        html = runbook.rendered(runbook.PAGES / f"{name}.md")
    except OSError as error:
        raise Http404(f"docs/{name}.md is not installed here") from error
    # Rendered from our own file, with any HTML in it escaped.
    context = _context(request, "Runbook") | {"html": mark_safe(html)}  # noqa: S308
    return render(request, "dashboard/runbook.html", context)


def _context(request: HttpRequest, title: str) -> dict[str, object]:
    return admin.site.each_context(request) | {"title": title, "is_nav_sidebar_enabled": False}


def _queue_name(url: str | None) -> str:
    return (url or "").rstrip("/").rsplit("/", 1)[-1]
