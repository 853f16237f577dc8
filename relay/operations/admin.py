"""The operators' part of the admin."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django_dramatiq.models import Task

from relay.operations.models import VIEW, DeadLetter

# Generic for the type checker only.
if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Any]
else:
    _Admin = admin.ModelAdmin

# Its page shows whole messages, rendered as HTML: mail. Nothing is written to its table here; but
# what may not be shown should have no page to be shown on.
admin.site.unregister(Task)


@admin.register(DeadLetter)
class DeadLetterAdmin(_Admin):
    """Leads from the admin's index and its history to the pages of dead letters."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Ask for our own permission."""
        return request.user.has_perm(VIEW)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Forbid it: there is no table."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Forbid it."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Forbid it here; the pages ask for their own permission."""
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Go to the list."""
        return redirect("dead_letters")

    def change_view(self, request: HttpRequest, object_id: str, *_: Any, **__: Any) -> HttpResponse:
        """Go to the dead letter."""
        return redirect("dead_letter", dead_letter_id=object_id)
