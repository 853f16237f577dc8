"""A model without a table, for its permission and its link in the admin."""

from typing import ClassVar

from django.db import models


class Dashboard(models.Model):
    """`dashboard.view_dashboard` gives access to the dashboard and the runbook."""

    class Meta:
        """No table, and no permission to change anything."""

        managed = False
        default_permissions: ClassVar[tuple[str, ...]] = ("view",)
        verbose_name_plural = "dashboard"
