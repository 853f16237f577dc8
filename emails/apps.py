"""The Django app of the domain."""

from django.apps import AppConfig


class EmailsConfig(AppConfig):
    """Masks, and what becomes of the mail that is sent to them."""

    name = "emails"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Keep the addresses of deleted masks from being given again."""
        from emails.store import tombstones

        tombstones.watch()
