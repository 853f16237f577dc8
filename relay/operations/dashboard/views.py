"""The dashboard's pages, for staff with the permission `dashboard.view_dashboard`."""

import time

from django.conf import settings
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_safe
from redis.exceptions import RedisError

from relay.operations import guard, history, week
from relay.operations.dashboard import presentation, runbook, snapshot
from relay.operations.dashboard.charts import charts_of, columns, columns_of_week
from relay.operations.fail_fast import fail_fast_redis
from relay.operations.judgement.read import where
from runtime.config import queue_name
from runtime.redis_client import words_of
from runtime.tally import find_counts

PERMISSION = "dashboard.view_dashboard"


def _refuse(request: HttpRequest, *, may_enter: bool) -> HttpResponseBase:
    """Say which permission is missing; to the page's script, as JSON."""
    if request.path.endswith(".json"):
        return JsonResponse({"error": "not logged in, or not permitted"}, status=403)
    if not may_enter:
        return guard.refuse(request, may_enter=may_enter)
    context = _context(request, "Not permitted") | {"permission": PERMISSION}
    return render(request, "dashboard/forbidden.html", context, status=403)


def _for_operators(view: guard.View) -> guard.View:
    return require_safe(guard.for_operators(PERMISSION, only_reads=True, otherwise=_refuse)(view))


@_for_operators
def dashboard(request: HttpRequest) -> HttpResponse:
    """Show the page; its numbers come from the URLs below."""
    return render(request, "dashboard/dashboard.html", _context(request, "Dashboard"))


@_for_operators
def live(request: HttpRequest) -> HttpResponse:
    """Return the present numbers."""
    taken = snapshot.take(settings.CONFIG)
    return JsonResponse(presentation.shown(taken, reverse("runbook"), _lists()))


@_for_operators
def charts(request: HttpRequest) -> HttpResponse:
    """Return the last day by minute, or with `?days=7` the week by ten, up to the last complete."""
    config = settings.CONFIG
    last = int(time.time() // 60) - 1
    queues = (queue_name(config.queue_url), queue_name(config.dead_letter_queue_url))
    drawn = charts_of(*queues)
    try:
        client = fail_fast_redis(config.redis_url)
        if request.GET.get("days") == "7":
            minutes = week.minutes_before(last + 1)
            return JsonResponse(columns_of_week(drawn, minutes, week.find(client, minutes)))
        minutes = range(last - history.MINUTES + 1, last + 1)
        samples, counts = history.find(client, last), find_counts(client, minutes)
    except RedisError as error:
        says = f"Redis ({where(config.redis_url)}): {words_of(error)}"
        return JsonResponse({"error": says}, status=503)
    return JsonResponse(columns(drawn, minutes, samples, counts))


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


def _lists() -> dict[str, str]:
    """The lists that the flow's numbers lead to: pages, or sections of the dashboard."""
    runbook = reverse("runbook")
    pages = {
        name: reverse(name) for name in ("retries", "dead_letters", "sqs_dead_letters", "lanes")
    }
    sections = ("charts", "ages", "processes", "queues", "reasons", "outcomes")
    return {
        **pages,
        **{name: f"#{name}-title" for name in sections},
        "held_mails": reverse("admin:emails_heldmail_changelist"),
        "mailboxes": reverse("admin:emails_mailboxbreaker_changelist"),
        "deliveries": reverse("admin:emails_delivery_changelist"),
        "no-mail": f"{runbook}#no-mail-arrives",
        "waiting": f"{runbook}#mails-wait-in-sqs",
        "parked": f"{runbook}#a-circuit-breaker-is-open",
        "pace": f"{runbook}#the-workers-are-too-slow",
    }


def _context(request: HttpRequest, title: str) -> dict[str, object]:
    return admin.site.each_context(request) | {"title": title, "is_nav_sidebar_enabled": False}
