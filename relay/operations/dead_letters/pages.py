"""The admin's pages of dead letters. Anything that changes or reveals data is a POST, and recorded.

Filters are posted, too; they appear in a URL only after a check that they hold no address.
"""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice, takewhile
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from bridge.ledger.dead_letters import DeadLetters, Place
from relay.operations import models
from relay.operations.dead_letters import audit, formatting, handling
from relay.operations.dead_letters.filters import QUEUES, Filters, is_id
from relay.operations.dead_letters.forms import FilterForm
from relay.operations.dead_letters.letter import DeadLetter
from relay.operations.guard import for_operators

PAGE = 50
_SECONDS_A_REQUEST = 20.0
"""How long one request may requeue or delete; less than the web server's timeout."""

_PERMISSIONS = {
    audit.REQUEUE: models.REQUEUE,
    audit.DELETE: models.DELETE,
    audit.SENT: models.REQUEUE,
    audit.NOT_SENT: models.REQUEUE,
}


@require_GET
@for_operators(models.VIEW, only_reads=True)
def list_page(request: HttpRequest) -> HttpResponse:
    """Show a page of dead letters, and how many have each reason."""
    form = FilterForm(request.GET)
    return _list(request, form, _read_before(request.GET.get("before", "")))


@require_POST
@for_operators(models.VIEW)
def filter_page(request: HttpRequest) -> HttpResponseBase:
    """Redirect to the list with these filters; wrong ones are shown here, not in a URL."""
    form = FilterForm(request.POST)
    return _to_list(form.query()) if form.is_valid() else _list(request, form, None)


@require_GET
@for_operators(models.VIEW, only_reads=True)
def detail_page(request: HttpRequest, dead_letter_id: str) -> HttpResponse:
    """Show one, without its mail."""
    return _detail(request, _find(dead_letter_id), reveal=False)


@require_POST
@for_operators(models.VIEW)
def reveal_page(request: HttpRequest, dead_letter_id: str) -> HttpResponse:
    """Show one whole, if permitted, and record who saw it."""
    if not request.user.has_perm(models.REVEAL):
        raise PermissionDenied
    letter = _find(dead_letter_id)
    audit.record_revealed(request.user, letter)
    return _detail(request, letter, reveal=True)


@require_POST
@for_operators(models.VIEW)
def act_page(request: HttpRequest) -> HttpResponseBase:
    """Requeue or delete the ticked letters, or all that match; confirm first where needed."""
    action, _, scope = request.POST.get("action", "").partition("-")
    if action not in _permitted(request):
        raise PermissionDenied
    form = FilterForm(request.POST)
    if not form.is_valid():
        return _list(request, form, None)
    is_all = scope == "all"
    ids = [] if is_all else [one for one in request.POST.getlist("id") if is_id(one)]
    if not ids and not is_all:
        messages.warning(request, "Nothing was selected.")
        return _to_list(form.query())
    if "confirmed" not in request.POST and (is_all or action == audit.DELETE):
        return _ask(request, form, action, ids)
    _act(request, action, ids, form.filters())
    return _to_list(form.query())


def _list(request: HttpRequest, form: FilterForm, before: Place | None) -> HttpResponse:
    """Show the list; it is empty if the filters are wrong."""
    store, now, is_valid = handling.store(), datetime.now(UTC), form.is_valid()
    filters = form.filters() if is_valid else Filters()
    query = form.query() if is_valid else {}
    counted = handling.count_by_reason(store, filters, now)
    found = handling.find(store, filters, now, before) if is_valid else iter(())
    letters = list(islice(found, PAGE + 1))
    older = _write_before(letters[PAGE - 1].place) if len(letters) > PAGE else None
    context = {
        "title": "Dead letters",
        "form": form,
        "query": query,
        "letters": letters[:PAGE],
        "total": counted.total(),
        "counts": [
            {"reason": reason, "count": count, "url": _list_url(query | {"reason": reason})}
            for reason, count in counted.most_common()
        ],
        "all_url": _list_url({k: v for k, v in query.items() if k != "reason"}),
        "is_first": before is None,
        "first_url": _list_url(query),
        "older_url": _list_url(query | {"before": older}) if older else None,
    }
    return _page(request, "dead_letters", context)


def _detail(request: HttpRequest, letter: DeadLetter, *, reveal: bool) -> HttpResponse:
    attempts = handling.find_attempts(letter)
    details = formatting.details(letter, reveal=reveal, attempts=attempts)
    lines = {name: list(formatting.as_lines({name: details[name]})) for name in details}
    blocks = {name: "\n".join(text[1:]) for name, text in lines.items() if len(text) > 1}
    context = {
        "title": f"Dead letter {letter.place.id}",
        "letter": letter,
        "fields": {k: v for k, v in details.items() if k not in blocks and v not in (None, "", [])},
        "blocks": blocks,
        "is_revealed": reveal,
    }
    return _page(request, "dead_letter", context)


def _ask(request: HttpRequest, form: FilterForm, action: str, ids: list[str]) -> HttpResponse:
    """Show what would be done, with a button to do it."""
    filters = form.filters()
    number = len(ids) or handling.count(handling.store(), filters, datetime.now(UTC))
    context = {
        "title": f"{audit.LABELS[action]} {number} dead letters?",
        "action": action,
        "label": audit.LABELS[action],
        "ids": ids,
        "query": form.query(),
        "described": filters.described() if not ids else {},
        "back_url": _list_url(form.query()),
    }
    return _page(request, "confirm_dead_letters", context)


def _act(request: HttpRequest, action: str, ids: list[str], filters: Filters) -> None:
    """Do it within the time limit, and show the result."""
    store, now = handling.store(), datetime.now(UTC)
    found = handling.find_by_id(store, ids) if ids else handling.find(store, filters, now)
    is_over = False

    def in_time(_: DeadLetter, deadline: float = time.monotonic() + _SECONDS_A_REQUEST) -> bool:
        nonlocal is_over
        is_over = time.monotonic() > deadline
        return not is_over

    results = _results(store, action, takewhile(in_time, found), now)
    summary = ", ".join(f"{number} {name}" for name, number in results.items()) or "none matched"
    chosen = f"{len(ids)} chosen" if ids else f"all that match {filters.described() or 'anything'}"
    audit.record_handled(request.user, action, chosen, summary, ids[0] if len(ids) == 1 else "")
    if is_over:
        summary += "; time ran out before the others: repeat it"
    if "in_doubt" in results:
        summary += "; of those in doubt, say first whether they were sent"
    messages.info(request, f"{audit.LABELS[action].partition(':')[0]}: {summary}.")


def _results(
    store: DeadLetters, action: str, letters: Iterator[DeadLetter], now: datetime
) -> Counter[str]:
    if action == audit.DELETE:
        handled = handling.delete(store, letters, now)
    elif action in (audit.SENT, audit.NOT_SENT):
        handled = handling.settle_doubt(store, letters, now, was_sent=action == audit.SENT)
    else:
        handled = handling.requeue(store, letters, now, even_if_old=False)
    return Counter(one.result.value for one in handled)


def _find(dead_letter_id: str) -> DeadLetter:
    letter = next(handling.find_by_id(handling.store(), [dead_letter_id]), None)
    if letter is None:
        raise Http404(f"There is no dead letter {dead_letter_id} any more.")
    return letter


def _page(
    request: HttpRequest, name: str, context: dict[str, Any], status: int = 200
) -> TemplateResponse:
    page_context = {
        **admin.site.each_context(request),
        "may_act": [(action, audit.LABELS[action]) for action in _permitted(request)],
        "may_reveal": request.user.has_perm(models.REVEAL),
        **context,
    }
    return TemplateResponse(request, f"operations/{name}.html", page_context, status=status)


def _permitted(request: HttpRequest) -> list[str]:
    return [action for action in _PERMISSIONS if request.user.has_perm(_PERMISSIONS[action])]


def _to_list(query: dict[str, str]) -> HttpResponse:
    return redirect(_list_url(query))


def _list_url(query: dict[str, str]) -> str:
    return f"{reverse('dead_letters')}?{urlencode(query)}"


def _write_before(place: Place) -> str:
    return f"{place.died_at_ms}.{place.id}"


def _read_before(text: str) -> Place | None:
    """Parse where a page begins; nonsense begins at the newest."""
    died_at, _, dead_letter_id = text.partition(".")
    if not (died_at.isdecimal() and died_at.isascii() and len(died_at) < 16):
        return None
    return Place(QUEUES[0], dead_letter_id, int(died_at))
