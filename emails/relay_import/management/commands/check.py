"""`manage.py check`: Django's, and a look whether DATABASE_URL is Firefox Relay's own database."""

from typing import Any

from django.core.management.commands import check

from emails.relay_import.guard import refuse_if_reachable


class Command(check.Command):
    """Check the project, and whose database it has. One that can't be reached is no problem."""

    def handle(self, *app_labels: Any, **options: Any) -> None:
        """Refuse first what the other checks know nothing about."""
        refuse_if_reachable()
        super().handle(*app_labels, **options)
