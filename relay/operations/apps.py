"""The Django app of the operators' tools."""

from django.apps import AppConfig


class OperationsConfig(AppConfig):
    """Operations."""

    name = "relay.operations"
    verbose_name = "Operations"
