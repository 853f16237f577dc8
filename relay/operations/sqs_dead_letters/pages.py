"""The admin's page of SQS's dead-letter queue: why each message is there, and what to do with it.

Each look receives messages, so two people who look at once see a part each. It has the permissions
of dead letters, and their history. The web process needs the operators' permissions on the queues.
"""

from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from bridge.ports import QueueUnavailable, QueueUnusable
from bridge.sqs import SqsQueue
from emails.values.errors import NotFinished
from relay.operations import models
from relay.operations.dead_letters import audit
from relay.operations.dead_letters.formatting import as_lines
from relay.operations.dead_letters.redaction import redacted
from relay.operations.fail_fast import connect_queue
from relay.operations.guard import View, for_operators
from relay.operations.sqs_dead_letters import handling
from relay.operations.sqs_dead_letters.judge import FINISHED, Choice, Found, Judge

LOOK_AT = 200
"""How many messages a request looks at: a second or two."""

REDRIVE, DELETE, CLEAR = "redrive", "delete", "clear"
_PERMISSIONS = {REDRIVE: models.REQUEUE, DELETE: models.DELETE, CLEAR: models.DELETE}
_LABELS = {REDRIVE: "Put back", DELETE: "Delete", CLEAR: "Clear"}


def _for_operators(view: View) -> View:
    """Admit who may see dead letters; say so if SQS or the database can't be used."""

    @for_operators(models.VIEW)
    @wraps(view)
    def checked(request: HttpRequest, **named: Any) -> HttpResponseBase:
        try:
            return view(request, **named)
        except (QueueUnavailable, QueueUnusable) as error:
            return _failed(request, f"SQS can't be used: {error.code}")
        except NotFinished as error:
            return _failed(request, f"The database can't be used: {error.reason}")

    return checked


@require_GET
@_for_operators
def list_page(request: HttpRequest) -> HttpResponse:
    """Show what is there, or what of it has the reason given, and how many have each."""
    asked = request.GET.get("reason", "")
    found = _look(Choice())
    chosen = [one for one in found if Choice(reason=asked).admits(one)]
    counted = Counter(one.reason for one in found)
    context = {
        "title": "Dead letters in SQS",
        "found": sorted(chosen, key=lambda one: one.message.sent_at_ms, reverse=True),
        "total": len(found),
        "counts": counted.most_common(),
        "finished": counted[FINISHED],
        "reason": asked,
        "looked_at": LOOK_AT if len(found) >= LOOK_AT else None,
        "may": {action for action in _PERMISSIONS if _may(request, action)},
    }
    return _page(request, "sqs_dead_letters", context)


@require_GET
@_for_operators
def detail_page(request: HttpRequest, message_id: str) -> HttpResponse:
    """Show one, without its mail."""
    one = next(iter(_look(Choice(ids=frozenset({message_id})))), None)
    if one is None:
        raise Http404(f"There is no message {message_id} among the first {LOOK_AT}.")
    notification = redacted(one.notification) if one.notification else None
    lines = list(as_lines({"notification": notification}))[1:]
    context = {
        "title": f"Dead letter in SQS {message_id}",
        "one": one,
        "notification": "\n".join(lines),
        "may": {action for action in _PERMISSIONS if _may(request, action)},
    }
    return _page(request, "sqs_dead_letter", context)


@require_POST
@_for_operators
def act_page(request: HttpRequest) -> HttpResponse:
    """Put back or delete those ticked or all of a reason, or clear what is finished."""
    action, _, scope = request.POST.get("action", "").partition("-")
    if action not in _PERMISSIONS or not _may(request, action):
        raise PermissionDenied
    choice = _choice(request, action, is_all=scope == "all")
    if choice is None:
        messages.warning(request, "Nothing was selected.")
        return redirect("sqs_dead_letters")
    if action != REDRIVE and "confirmed" not in request.POST:
        return _ask(request, action, choice)
    results: Counter[str] = Counter()
    act = _act(action)
    with handling.looking_at(_dead_letters(), _judge(), LOOK_AT) as looked:
        for one in looked:
            if choice.admits(one):
                results[act(one).value] += 1
    done = ", ".join(f"{number} {name}" for name, number in sorted(results.items()))
    done = done or "none matched"
    audit.record_sqs_handled(request.user, action, choice.described, done)
    messages.info(request, f"{_LABELS[action]}: {done}.")
    return redirect("sqs_dead_letters")


def _choice(request: HttpRequest, action: str, *, is_all: bool) -> Choice | None:
    """Read what is meant; None: nothing."""
    reason = request.POST.get("reason", "")
    if action == CLEAR:
        return Choice(reason=FINISHED)
    if is_all and reason:
        return Choice(reason=reason)
    ids = frozenset(request.POST.getlist("id"))
    return Choice(ids=ids) if ids else None


def _ask(request: HttpRequest, action: str, choice: Choice) -> HttpResponse:
    context = {
        "title": f"{_LABELS[action]} {choice.described}?",
        "action": action if choice.ids or action == CLEAR else f"{action}-all",
        "label": _LABELS[action],
        "choice": choice,
        "is_finished": choice.reason == FINISHED,
    }
    return _page(request, "confirm_sqs_dead_letters", context)


def _act(action: str) -> Callable[[Found], handling.Result]:
    dead_letters = _dead_letters()
    if action != REDRIVE:
        return lambda one: handling.delete(dead_letters, one)
    queue = _connect(settings.CONFIG.queue_url, "AWS_SQS_EMAIL_QUEUE_URL")
    return lambda one: handling.redrive(dead_letters, queue, one)


def _look(choice: Choice) -> list[Found]:
    with handling.looking_at(_dead_letters(), _judge(), LOOK_AT) as found:
        return [one for one in found if choice.admits(one)]


def _dead_letters() -> SqsQueue:
    return _connect(settings.CONFIG.dead_letter_queue_url, "AWS_SQS_EMAIL_DLQ_URL")


def _connect(url: str | None, setting: str) -> SqsQueue:
    if url is None:
        raise QueueUnusable(f"{setting} is not set")
    region = settings.CONFIG.region
    return connect_queue(url, region, handling.WAIT_SECONDS, handling.HIDDEN_SECONDS)


def _judge() -> Judge:
    return handling.make_judge(settings.CONFIG)


def _may(request: HttpRequest, action: str) -> bool:
    return bool(request.user.has_perm(_PERMISSIONS[action]))


def _failed(request: HttpRequest, says: str) -> HttpResponse:
    context = {"title": "Dead letters in SQS", "says": says}
    return _page(request, "sqs_dead_letters_failed", context, 503)


def _page(
    request: HttpRequest, name: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "list_url": reverse("sqs_dead_letters"),
        **context,
    }
    return TemplateResponse(request, f"operations/{name}.html", context, status=status)
