"""Who may open an operators' page, and what they see while Redis or the database is away.

Each page says what it needs: a permission. It answers 503 and names the server that is away, where
it is and what it says; the pages that only read open even while the database can't say who asks,
for who was admitted lately (`passes`).
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from redis.exceptions import RedisError

from relay.operations import passes
from relay.operations.database_away import database_away
from relay.operations.judgement.read import where
from runtime.redis_client import words_of

View = Callable[..., HttpResponseBase]


class Refuse(Protocol):
    """Answers a request that is not admitted; `may_enter`: it is staff's."""

    def __call__(self, request: HttpRequest, *, may_enter: bool) -> HttpResponseBase: ...


def refuse(request: HttpRequest, *, may_enter: bool) -> HttpResponseBase:
    """Ask who this is, or raise `PermissionDenied` if that is known."""
    if may_enter:
        raise PermissionDenied
    return redirect_to_login(request.get_full_path(), reverse("admin:login"))


def for_operators(
    permission: str, *, only_reads: bool = False, otherwise: Refuse = refuse
) -> Callable[[View], View]:
    """Admit only staff with this permission; with `only_reads`, also by a pass.

    `otherwise` answers those who are not admitted.
    """

    def decorate(view: View) -> View:
        @never_cache
        @wraps(view)
        def guarded(request: HttpRequest, **named: Any) -> HttpResponseBase:
            try:
                may_enter = admin.site.has_permission(request)
                is_permitted = may_enter and request.user.has_perm(permission)
            except (OperationalError, InterfaceError) as error:
                if not (only_reads and passes.admits(request, permission)):
                    return database_away(error, request)
                connection.close()
                # The page's frame asks who this is; the database would be asked again.
                request.user = AnonymousUser()
                return _view_or_redis_away(view, request, named)
            if not is_permitted:
                return otherwise(request, may_enter=may_enter)
            response = _view_or_redis_away(view, request, named)
            if only_reads:
                passes.give(response, request.user)
            return response

        return guarded

    return decorate


def _view_or_redis_away(
    view: View, request: HttpRequest, named: dict[str, Any]
) -> HttpResponseBase:
    try:
        return view(request, **named)
    except RedisError as error:
        context = admin.site.each_context(request) | {
            "title": "Redis is away",
            "at": where(settings.CONFIG.redis_url),
            "says": words_of(error),
        }
        return TemplateResponse(request, "operations/redis_away.html", context, status=503)
