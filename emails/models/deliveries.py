"""Deliveries: one recipient of one notification each, so that it is handled only once."""

from django.db import models
from django.db.models import Q

from emails.models.hashes import HASH
from emails.values.outcomes import NAMES


class DeliveryState(models.TextChoices):
    """The state of a delivery."""

    CLAIMED = "claimed", "being carried out"
    IN_DOUBT = "in_doubt", "perhaps sent"
    FINISHED = "finished", "finished"


class Delivery(models.Model):
    """One recipient of one notification, and its outcome, so that it is handled only once.

    `recipient` is a hash salted with the SNS message id, so rows can't be linked to one person.
    """

    sns_message_id = models.CharField(max_length=100)
    recipient = models.CharField(max_length=64, validators=[HASH])
    state = models.CharField(max_length=10, choices=DeliveryState.choices)
    claimed_until = models.DateTimeField()
    claimed_by = models.CharField(
        max_length=63, null=True, editable=False, help_text="The worker process that claimed it."
    )
    reserved_on = models.DateField(
        null=True,
        editable=False,
        help_text="The UTC day in whose limits it has a place, reserved before it was sent.",
    )
    outcome = models.CharField(max_length=20, blank=True, choices=[(n, n) for n in NAMES])
    reason = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(db_index=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = (
            models.UniqueConstraint(fields=["sns_message_id", "recipient"], name="delivery_once"),
            models.CheckConstraint(
                condition=Q(state__in=DeliveryState.values), name="delivery_state_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(state=DeliveryState.FINISHED)
                | (Q(finished_at__isnull=False) & ~Q(outcome="") & ~Q(reason="")),
                name="delivery_finished_has_outcome",
            ),
        )

    def __str__(self) -> str:
        return f"delivery {self.pk}"
