"""Reply records: what an owner's reply is looked up by."""

from django.db import models
from django.db.models import Q

from emails.models.hashes import HASH
from emails.models.masks import DomainMask, RandomMask


class Reply(models.Model):
    """A reply record: lets an owner reply to a forwarded mail.

    Looked up by a keyed hash of the mail's Message-ID. The correspondent is encrypted with a key
    derived from that Message-ID (`emails/store/reply_records.py`), so the table alone reveals
    nothing.
    """

    lookup = models.CharField(max_length=64, unique=True, validators=[HASH])
    metadata = models.BinaryField()
    random_mask = models.ForeignKey(RandomMask, on_delete=models.CASCADE, null=True)
    domain_mask = models.ForeignKey(DomainMask, on_delete=models.CASCADE, null=True)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name_plural = "replies"
        constraints = (
            models.CheckConstraint(
                condition=Q(random_mask__isnull=True) ^ Q(domain_mask__isnull=True),
                name="reply_has_one_mask",
            ),
        )

    def __str__(self) -> str:
        return f"reply record {self.pk}"
