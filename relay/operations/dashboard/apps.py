"""The dashboard's Django app: it has pages and a permission, and no table."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """The dashboard."""

    name = "relay.operations.dashboard"
    verbose_name = "Dashboard"
