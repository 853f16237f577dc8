"""Held mails, and the digests that tell their owners of them."""

from django.db import models
from django.db.models import Q

from emails.models.hashes import HASH
from emails.models.masks import DomainMask, RandomMask
from emails.models.owners import Profile
from emails.values.held import HeldState
from emails.values.outcomes import NAMES, HeldReason

HELD_STATES = [HeldState.HELD.value, HeldState.RELEASING.value]
"""The states in which a held mail has no last outcome yet."""


class HeldDigest(models.Model):
    """A mail to an owner about held mails. It is one day's, and its links lead to these mails."""

    owner = models.ForeignKey(Profile, on_delete=models.CASCADE)
    opened_at = models.DateTimeField()
    ended_at = models.DateTimeField(
        null=True, help_text="When it was sent, or nothing was left to tell."
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["owner"],
                condition=Q(ended_at__isnull=True),
                name="held_digest_one_open_an_owner",
            ),
        )
        indexes = (models.Index(fields=["owner", "opened_at"], name="held_digest_by_owner"),)

    def __str__(self) -> str:
        return f"held digest {self.pk}"


class HeldMail(models.Model):
    """A mail that is kept in S3 until it is released, discarded or expires.

    Says nothing of its content, its sender or its subject: these are in S3 alone. `sender` is a
    keyed hash, so that its sender can be blocked without a look into the mail. `recipient` is a
    hash, as in `Delivery`. If the mask or the owner is deleted, the row stays until its mail is
    deleted from S3.
    """

    owner = models.ForeignKey(Profile, on_delete=models.SET_NULL, null=True)
    random_mask = models.ForeignKey(RandomMask, on_delete=models.SET_NULL, null=True)
    domain_mask = models.ForeignKey(DomainMask, on_delete=models.SET_NULL, null=True)
    new_local = models.CharField(
        max_length=64, null=True, help_text="The domain mask that the mail would create."
    )
    new_domain = models.CharField(max_length=253, null=True)
    reason = models.CharField(max_length=40, choices=[(r.value, r.value) for r in HeldReason])
    waived = models.JSONField(
        default=list, help_text="Reasons for which it is not held again: somebody released it."
    )
    state = models.CharField(
        max_length=10,
        choices=[(state.value, state.value) for state in HeldState],
        default=HeldState.HELD.value,
    )
    sns_message_id = models.CharField(max_length=100)
    recipient = models.CharField(max_length=64, validators=[HASH])
    bucket = models.CharField(max_length=63)
    key = models.CharField(max_length=1024)
    size = models.PositiveBigIntegerField()
    verdicts = models.JSONField(help_text="The results of SES's checks.")
    sender = models.CharField(max_length=64, null=True, validators=[HASH])
    digest = models.ForeignKey(
        HeldDigest,
        on_delete=models.SET_NULL,
        null=True,
        help_text="The first digest that told the owner of it.",
    )
    tell_again = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Its owner is to be told of it again, in the next digest.",
    )
    received_at = models.DateTimeField(help_text="When SES received it.")
    held_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    frozen_by = models.CharField(
        max_length=12,
        blank=True,
        default="",
        db_default="",
        help_text="The operator's control that orders to hold it, or the sender that is held.",
    )
    releases = models.PositiveIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    released_at = models.DateTimeField(null=True)
    tried_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=20, blank=True, choices=[(n, n) for n in NAMES])
    outcome_reason = models.CharField(max_length=40, blank=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        permissions = (("release_heldmail", "Can release held mails"),)
        constraints = (
            models.UniqueConstraint(
                fields=["sns_message_id", "recipient"], name="held_mail_once_a_delivery"
            ),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in HeldState]),
                name="held_mail_state_is_known",
            ),
            models.CheckConstraint(
                condition=Q(reason__in=[reason.value for reason in HeldReason]),
                name="held_mail_reason_is_known",
            ),
            models.CheckConstraint(
                condition=Q(random_mask__isnull=True, domain_mask__isnull=True)
                | Q(random_mask__isnull=True, new_local__isnull=True)
                | Q(domain_mask__isnull=True, new_local__isnull=True),
                name="held_mail_has_one_mask",
            ),
            models.CheckConstraint(
                condition=Q(new_local__isnull=True, new_domain__isnull=True)
                | Q(new_local__isnull=False, new_domain__isnull=False),
                name="held_mail_new_mask_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(state__in=HELD_STATES, outcome="", ended_at__isnull=True)
                | (~Q(state__in=HELD_STATES) & ~Q(outcome="") & Q(ended_at__isnull=False)),
                name="held_mail_ended_has_outcome",
            ),
        )
        indexes = (
            models.Index(
                fields=["owner", "received_at", "id"],
                condition=Q(state=HeldState.HELD.value),
                name="held_mail_by_owner",
            ),
            models.Index(
                fields=["reason", "received_at"],
                condition=Q(state__in=HELD_STATES),
                name="held_mail_by_reason",
            ),
            models.Index(
                fields=["held_at"],
                condition=Q(state=HeldState.HELD.value)
                & (Q(digest__isnull=True) | Q(tell_again=True)),
                name="held_mail_untold",
            ),
            models.Index(
                fields=["expires_at"],
                condition=Q(state=HeldState.HELD.value),
                name="held_mail_by_expiry",
            ),
            models.Index(
                fields=["received_at", "id"],
                condition=Q(state=HeldState.RELEASING.value),
                name="held_mail_to_release",
            ),
            models.Index(
                fields=["state", "ended_at"],
                condition=~Q(state__in=HELD_STATES),
                name="held_mail_ended",
            ),
        )

    def __str__(self) -> str:
        return f"held mail {self.pk}"
