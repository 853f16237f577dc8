"""What people see while the database is away: a page that says so, instead of "Server Error (500)".

Django middleware. It stands last, so that it sees the errors of views first.
"""

import logging
from collections.abc import Callable

from django.conf import settings
from django.db import connection
from django.db.utils import Error as DatabaseError
from django.db.utils import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from relay.operations.fail_fast import fail_fast_redis
from relay.operations.judgement.read import find_fault, where
from runtime.failures import fields_of

logger = logging.getLogger(__name__)

RETRY_SECONDS = 30


class DatabaseAway:
    """Answers 503 where a page failed because the database doesn't answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer instead of a view that failed so; None: for another reason."""
        if not isinstance(error, OperationalError | InterfaceError):
            return None
        return database_away(error, request)


def database_away(error: DatabaseError, request: HttpRequest) -> HttpResponse:
    """Say that the database is away; only to operators, where it is."""
    connection.close()
    logger.warning("database away", extra=fields_of(error))
    return _answer(is_admins=request.path.startswith("/admin/"))


def _answer(*, is_admins: bool) -> HttpResponse:
    context = {}
    if is_admins:
        config = settings.CONFIG
        context["at"] = where(config.database_url)
        if fault := find_fault(fail_fast_redis(config.redis_url)):
            context |= {"redis_at": where(config.redis_url), "redis_says": fault.says}
    response = HttpResponse(render_to_string("operations/database_away.html", context), status=503)
    response["Retry-After"] = str(RETRY_SECONDS)
    return response
