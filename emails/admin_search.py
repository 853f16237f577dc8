"""Searches of the admin by POST: what is searched for, often an address, stands in no URL.

URLs get into proxies' logs, histories and bookmarks. The list of what was found still has one of
its own, for its pages, filters and orders: what was searched for is in it encrypted, for a day.
"""

import base64
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.views.main import PAGE_VAR, SEARCH_VAR, ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from runtime.derived_keys import derived_key

_SECONDS = 24 * 3600
_MAX_CHARACTERS = 320

# Generic for the type checker only.
if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Any]
else:
    _Admin = admin.ModelAdmin


class _FoundList(ChangeList):
    """A list that shows what was searched for, not how its URL says it."""

    def __init__(self, request: HttpRequest, *arguments: Any, **named: Any) -> None:
        super().__init__(request, *arguments, **named)
        self.query = _open(self.query)


class PostedSearchAdmin(_Admin):
    """A model's pages whose searches are posted."""

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list; of a posted search, redirect to the list of what was found."""
        if request.method != "POST" or SEARCH_VAR not in request.POST:
            return super().changelist_view(request, extra_context)
        query = request.GET.copy()
        for name in (SEARCH_VAR, PAGE_VAR):
            query.pop(name, None)
        if wanted := request.POST[SEARCH_VAR].replace("\0", "").strip()[:_MAX_CHARACTERS]:
            query[SEARCH_VAR] = _seal(wanted)
        return HttpResponseRedirect(f"{request.path}?{query.urlencode()}")

    def get_changelist(self, request: HttpRequest, **_: Any) -> type[ChangeList]:
        """Return the kind of list that knows posted searches."""
        return _FoundList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search for what was posted."""
        return super().get_search_results(request, queryset, _open(search_term))


def _seal(text: str) -> str:
    return _cipher(settings.SECRET_KEY).encrypt(text.encode(errors="replace")).decode()


def _open(sealed: str) -> str:
    """Return what was searched for: nothing, if it was sealed by somebody else or is too old."""
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        try:
            return _cipher(secret).decrypt(sealed.encode(errors="replace"), _SECONDS).decode()
        except InvalidToken:
            continue
    return ""


def _cipher(secret: str) -> Fernet:
    key = derived_key(secret.encode(), b"admin search 1", 32)
    return Fernet(base64.urlsafe_b64encode(key))
