"""The dashboard's Django app: pages and a permission, without a table."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """The dashboard."""

    name = "relay.operations.dashboard"
    verbose_name = "Dashboard"
