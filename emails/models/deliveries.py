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

    `recipient` is a hash salted with the SNS message id. `mask` leads to an owner as long as the
    mask exists; it is known once the delivery is finished. `mail_id` is what a `MessageContext` has
    of this name: of feedback, SES's id of the mail that it is about. Rows of an older release, and
    of jobs, lack some of these.
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
    purpose = models.CharField(max_length=20, null=True, editable=False)
    mask = models.CharField(max_length=30, null=True, editable=False)
    sqs_message_id = models.CharField(max_length=256, null=True, editable=False)
    mail_id = models.CharField(max_length=256, null=True, editable=False)
    sent_as = models.CharField(
        max_length=256, null=True, editable=False, help_text="SES's id of the mail that was sent."
    )
    sender = models.CharField(
        max_length=12,
        null=True,
        editable=False,
        help_text="A keyed hash of the domain that a forwarded mail provably came from.",
    )
    outcome = models.CharField(max_length=20, blank=True, choices=[(n, n) for n in NAMES])
    reason = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(db_index=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = (
            models.Index(
                fields=["sqs_message_id"],
                condition=Q(sqs_message_id__isnull=False),
                name="delivery_by_sqs_id",
            ),
            models.Index(
                fields=["mail_id"], condition=Q(mail_id__isnull=False), name="delivery_by_mail_id"
            ),
            models.Index(
                fields=["sent_as"], condition=Q(sent_as__isnull=False), name="delivery_by_ses_id"
            ),
        )
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
