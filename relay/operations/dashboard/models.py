"""No table: a model only, so that there is a permission to give, and a link in the admin."""

from typing import ClassVar

from django.db import models


class Dashboard(models.Model):
    """What `dashboard.view_dashboard` lets somebody see: the dashboard and the runbook."""

    class Meta:
        """Without a table, and without permissions to change anything."""

        managed = False
        default_permissions: ClassVar[tuple[str, ...]] = ("view",)
        verbose_name_plural = "dashboard"
