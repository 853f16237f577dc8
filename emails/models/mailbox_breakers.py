"""Mailbox breakers: whose mail is held because their mailbox bounces."""

from django.db import models

from emails.models.held_mails import HeldMail
from emails.models.owners import Profile
from emails.values.mailboxes import BounceMeaning


class MailboxBreaker(models.Model):
    """A row for each owner whose mailbox bounces: their mail is held. Deleting it closes it.

    All times are by the database's clock.
    """

    profile = models.OneToOneField(
        Profile, on_delete=models.CASCADE, related_name="mailbox_breaker"
    )
    address = models.EmailField(help_text="The address that bounced. For another it says nothing.")
    meaning = models.CharField(
        max_length=20,
        choices=[(one.value, one.value) for one in (BounceMeaning.GONE, BounceMeaning.UNREACHABLE)],
        help_text="What the bounce said about the mailbox.",
    )
    opened_at = models.DateTimeField()
    step = models.PositiveSmallIntegerField(default=0, help_text="How many probes bounced.")
    wait = models.DurationField(help_text="How long a probe has to bounce.")
    next_probe_at = models.DateTimeField()
    probe = models.OneToOneField(
        HeldMail, on_delete=models.SET_NULL, null=True, help_text="The mail that was let through."
    )
    probe_sent_at = models.DateTimeField(null=True)
    probe_delivery = models.CharField(max_length=40, blank=True)
    probe_ses_id = models.CharField(max_length=100, blank=True)

    def __str__(self) -> str:
        return f"mailbox breaker {self.pk}"
