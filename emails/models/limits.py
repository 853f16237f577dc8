"""What the daily limits count, and the owners whose replies are paused."""

from django.db import models

from emails.models.owners import Profile


class AbuseCounter(models.Model):
    """What an owner did on one UTC day: replies, and masks created by mail to the owner's name.

    Older versions counted received mails, too.
    """

    profile = models.ForeignKey(Profile, on_delete=models.CASCADE)
    day = models.DateField(db_index=True)
    mails = models.PositiveBigIntegerField(default=0)
    bytes = models.PositiveBigIntegerField(default=0)
    replies = models.PositiveBigIntegerField(default=0)
    masks = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["profile", "day"], name="abuse_counter_once_a_day"),
        )

    def __str__(self) -> str:
        return f"counter {self.pk}"


class SenderCounter(models.Model):
    """What one sender's domain sent to one mask on one UTC day, or created of an owner's masks.

    The keyed hash reveals neither the sender nor the mask (`emails.store.counters.sender_key`).
    """

    key = models.CharField(max_length=32)
    day = models.DateField()
    mails = models.PositiveBigIntegerField(default=0)
    bytes = models.PositiveBigIntegerField(default=0)
    masks = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["day", "key"], name="sender_counter_once_a_day"),
        )

    def __str__(self) -> str:
        return f"sender counter {self.pk}"


class AbusePause(models.Model):
    """An owner sent more replies than a day's limit, and can send none for a while: for review."""

    profile = models.ForeignKey(Profile, on_delete=models.CASCADE)
    began_at = models.DateTimeField(db_index=True)
    replies = models.PositiveBigIntegerField(help_text="The replies of that UTC day until then.")
    lifted_at = models.DateTimeField(null=True, help_text="When an operator lifted it.")

    def __str__(self) -> str:
        return f"abuse pause {self.pk}"
