"""The senders that owners block."""

from django.db import models
from django.db.models import Q

from emails.models.hashes import HASH
from emails.models.held_mails import HeldMail
from emails.models.masks import DomainMask, RandomMask
from emails.models.owners import Profile


class BlockedSender(models.Model):
    """A sender that an owner blocks: for one mask, or for all if there is none.

    Whom an owner hears from is nobody's business: the table alone does not say. `sender` is a keyed
    hash, `lookup` the same for these masks only, and `sealed` the sender's text, encrypted
    (`emails/store/sender_blocks.py`). `sealed` is empty until a worker has read it from the held
    mail whose sender was blocked.
    """

    owner = models.ForeignKey(Profile, on_delete=models.CASCADE)
    random_mask = models.ForeignKey(RandomMask, on_delete=models.CASCADE, null=True)
    domain_mask = models.ForeignKey(DomainMask, on_delete=models.CASCADE, null=True)
    sender = models.CharField(max_length=64, validators=[HASH])
    lookup = models.CharField(max_length=64, unique=True, validators=[HASH])
    sealed = models.BinaryField(null=True)
    held_mail = models.ForeignKey(HeldMail, on_delete=models.SET_NULL, null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(random_mask__isnull=True) | Q(domain_mask__isnull=True),
                name="blocked_sender_at_most_one_mask",
            ),
        )

    def __str__(self) -> str:
        return f"blocked sender {self.pk}"
