"""The Django app of the import: its tables, its command and its checks."""

from django.apps import AppConfig
from django.db.models.signals import pre_migrate


class RelayImportConfig(AppConfig):
    """What links rows of the predecessor's database to ours."""

    name = "emails.relay_import"
    label = "relay_import"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the guard against migrating the predecessor's own database."""
        from emails.relay_import import guard

        pre_migrate.connect(guard.refuse_to_migrate, dispatch_uid="predecessors_database")
