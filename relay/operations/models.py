"""The operators' permissions, and the controls' audit trail. What is in force is in Redis."""

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


class ControlRecord(models.Model):
    """A control that somebody ordered. Redis has what is in force; this says what was."""

    control_id = models.CharField(max_length=12, unique=True)
    action = models.CharField(max_length=20)
    target = models.CharField(max_length=253, blank=True)
    by = models.CharField(max_length=100)
    why = models.CharField(max_length=200)
    since = models.DateTimeField()
    until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=100, blank=True)

    class Meta:
        default_permissions = ()
        permissions = (
            ("view_control", "Can see the controls"),
            ("change_control", "Can pause, freeze, and end controls"),
        )
        verbose_name = "control"
        indexes = (models.Index(fields=["until"], name="control_by_end"),)

    def __str__(self) -> str:
        return f"control {self.control_id}"


VIEW = "operations.view_dead_letter"
REQUEUE = "operations.requeue_dead_letter"
DELETE = "operations.delete_dead_letter"
REVEAL = "operations.reveal_dead_letter"

VIEW_CONTROLS = "operations.view_control"
CHANGE_CONTROLS = "operations.change_control"
