"""What links the predecessor's rows to ours, so that an import can be repeated and continued.

The `seen` columns hold what the source had when it was last read: only what has changed there since
is changed here, and what was changed here stays. All tables can be emptied once nobody imports any
more, except the reply records.
"""

from django.db import models

from emails.models import DomainMask, Profile, RandomMask


class ImportRun(models.Model):
    """The one row about the import: from which database, and how far it has come."""

    fingerprint = models.CharField(max_length=32, unique=True)
    started_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)
    caught_up_at = models.DateTimeField(
        null=True, help_text="Every change that was made at the source before is here."
    )

    def __str__(self) -> str:
        return f"import {self.pk}"


class ImportStep(models.Model):
    """How far an unfinished import has come in one of the source's tables."""

    name = models.CharField(max_length=20, primary_key=True)
    after = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class NotTaken(models.Model):
    """A row of the source that has no row here, and why."""

    step = models.CharField(max_length=20)
    source_id = models.BigIntegerField()
    reason = models.CharField(max_length=30)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["step", "source_id", "reason"], name="not_taken_once"),
        )

    def __str__(self) -> str:
        return f"{self.step} {self.source_id}: {self.reason}"


class ImportedOwner(models.Model):
    """An owner of the source, and ours; None once deleted here, so that it is not taken again."""

    source_id = models.BigIntegerField(primary_key=True)
    profile = models.OneToOneField(Profile, on_delete=models.SET_NULL, null=True)
    seen_blocks_spam = models.BooleanField(null=True)
    seen_flagged_at = models.DateTimeField(null=True)
    seen_bounced_at = models.DateTimeField(null=True)
    seen_replies = models.PositiveBigIntegerField(default=0)
    seen_replies_on = models.DateField(null=True)

    def __str__(self) -> str:
        return f"imported owner {self.pk}"


class _ImportedMask(models.Model):
    source_id = models.BigIntegerField(primary_key=True)
    seen_block = models.CharField(max_length=10)
    seen_forwarded = models.PositiveBigIntegerField()
    seen_blocked = models.PositiveBigIntegerField()
    seen_dropped = models.PositiveBigIntegerField()
    seen_replied = models.PositiveBigIntegerField()
    seen_trackers_removed = models.PositiveBigIntegerField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"imported mask {self.pk}"


class ImportedRandomMask(_ImportedMask):
    """A random mask of the source, and ours; None once deleted here."""

    mask = models.OneToOneField(RandomMask, on_delete=models.SET_NULL, null=True)


class ImportedDomainMask(_ImportedMask):
    """A domain mask of the source, and ours; None once deleted here."""

    mask = models.OneToOneField(DomainMask, on_delete=models.SET_NULL, null=True)


class ImportedReply(models.Model):
    """A reply record as the predecessor wrote it: only the id that a reply quotes opens it."""

    source_id = models.BigIntegerField(primary_key=True)
    lookup = models.CharField(max_length=255, db_index=True)
    metadata = models.TextField()
    random_mask = models.ForeignKey(RandomMask, on_delete=models.CASCADE, null=True)
    domain_mask = models.ForeignKey(DomainMask, on_delete=models.CASCADE, null=True)
    created_on = models.DateField(db_index=True)

    class Meta:
        verbose_name_plural = "imported replies"

    def __str__(self) -> str:
        return f"imported reply record {self.pk}"
