"""The link to the dashboard on the admin's index, for users with its permission."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from relay.operations.dashboard.models import Dashboard

# Generic for the type checker only.
if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Dashboard]
else:
    _Admin = admin.ModelAdmin


@admin.register(Dashboard)
class DashboardAdmin(_Admin):
    """Links to the dashboard."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never: there is no table."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Redirect there; there is nothing to list."""
        return redirect("dashboard")
