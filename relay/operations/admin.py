"""The operators' part of the admin."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django_dramatiq.models import Task
from django_otp.plugins.otp_totp.models import TOTPDevice

from relay.operations.models import VIEW, VIEW_CONTROLS, ControlRecord, DeadLetter

# Generic for the type checker only.
if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Any]
else:
    _Admin = admin.ModelAdmin

# Its page shows whole messages, and so mail, rendered as HTML. Nothing is written to its table
# here, but there should be no page for it either.
admin.site.unregister(Task)

# Its pages show the secrets of everybody's second factor: `manage.py second_factor` makes them.
admin.site.unregister(TOTPDevice)


class _Link(_Admin):
    """Links the admin's index to pages of our own, which check their permissions themselves."""

    permission = ""
    page = ""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Require our own permission."""
        return request.user.has_perm(self.permission)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never here; the pages check their own permission."""
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Go to the page."""
        return redirect(self.page)


@admin.register(DeadLetter)
class DeadLetterAdmin(_Link):
    """Links the admin's index and history to the pages of dead letters."""

    permission = VIEW
    page = "dead_letters"

    def change_view(self, request: HttpRequest, object_id: str, *_: Any, **__: Any) -> HttpResponse:
        """Go to the dead letter."""
        return redirect("dead_letter", dead_letter_id=object_id)


@admin.register(ControlRecord)
class ControlRecordAdmin(_Link):
    """Links the admin's index to the page of controls."""

    permission = VIEW_CONTROLS
    page = "controls"
