"""The domain's Django app."""

from django.apps import AppConfig


class EmailsConfig(AppConfig):
    """Masks, and the handling of mail to them."""

    name = "emails"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Start recording tombstones for deleted masks and names; register the checks."""
        from emails import checks  # noqa: F401
        from emails.store import tombstones

        tombstones.connect_signals()
