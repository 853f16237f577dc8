"""A pass for operators: who was admitted lately may still read while the database is away.

Users, sessions and permissions are in the database, and it is when the database is away that
somebody must look. So each time an operator is admitted, their browser gets a signed cookie that
says what they may read. It counts only while the database can't be asked, only for reading, and for
a day; nothing is written with it.
"""

from typing import TYPE_CHECKING

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase

from relay.operations import models

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

MAX_AGE_SECONDS = 24 * 3600
COOKIE = "operator_pass"

PERMISSIONS = (
    "dashboard.view_dashboard",
    models.VIEW,
    models.VIEW_CONTROLS,
    "emails.view_delivery",
)
"""What a pass may be for: pages of ids, words, times and numbers."""

_SALT = "operator pass 1"


def give(response: HttpResponseBase, user: "User | AnonymousUser") -> None:
    """Give an admitted operator a pass for what they may read."""
    response.set_cookie(
        COOKIE,
        signing.dumps([one for one in PERMISSIONS if user.has_perm(one)], salt=_SALT),
        max_age=MAX_AGE_SECONDS,
        path="/admin/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )


def admits(request: HttpRequest, permission: str) -> bool:
    """Return whether a pass admits to a page. Ask only when the database can't be asked."""
    try:
        permissions = signing.loads(
            request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=MAX_AGE_SECONDS
        )
    except signing.BadSignature:
        return False
    return isinstance(permissions, list) and permission in permissions
