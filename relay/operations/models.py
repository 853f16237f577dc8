"""The operators' permissions. Dead letters are in Redis; the database holds nothing of them."""

from django.db import models


class DeadLetter(models.Model):
    """Has no table; permissions and the admin's history need a model."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = (
            ("view_dead_letter", "Can view dead letters, without what is in their mails"),
            ("requeue_dead_letter", "Can requeue dead letters"),
            ("delete_dead_letter", "Can delete dead letters"),
            ("reveal_dead_letter", "Can see a dead letter's whole notification"),
        )
        verbose_name = "dead letter"


VIEW = "operations.view_dead_letter"
REQUEUE = "operations.requeue_dead_letter"
DELETE = "operations.delete_dead_letter"
REVEAL = "operations.reveal_dead_letter"
