"""The tables: owners, masks, reply records, deliveries, held mails, blocks, counts, tombstones.

Database constraints enforce what must always hold. No table holds mail content. Only `emails.store`
changes counters, inside the database; `save()` is for the admin and the commands.
"""

import hashlib

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from emails.rules.addresses import Address, domain_of, is_ours, is_special, parse
from emails.rules.names import is_allowed_domain_name, is_mask_name
from emails.values.facts import Block, MaskKind
from emails.values.held import HeldState
from emails.values.mailboxes import BounceMeaning
from emails.values.outcomes import NAMES, HeldReason

LANGUAGES = [("en", "English"), ("fr", "français"), ("de", "Deutsch"), ("es", "español")]


class Profile(models.Model):
    """An owner. The real address is the user's `email`, unique ignoring case (by a migration)."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="profile"
    )
    is_premium = models.BooleanField(default=False)
    subdomain = models.CharField(
        max_length=63,
        unique=True,
        null=True,
        blank=True,
        help_text="The owner's own name, like ann: their domain masks end in @ann.masks.example.",
    )
    language = models.CharField(max_length=10, default="en", choices=LANGUAGES)
    blocks_spam = models.BooleanField(default=False)
    blocks_senders = models.BooleanField(
        default=False, editable=False, help_text="Whether the owner has blocked senders."
    )
    removes_trackers = models.BooleanField(default=False)
    allows_metrics = models.BooleanField(
        default=False, help_text="The owner agreed that their masks are named in logs and metrics."
    )
    flagged_at = models.DateTimeField(
        null=True, blank=True, help_text="When the owner went past a daily limit."
    )
    first_replied_at = models.DateTimeField(
        null=True, blank=True, help_text="When the owner's first reply was sent."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(subdomain__isnull=True) | Q(subdomain__regex=r"^[a-z0-9-]+$"),
                name="profile_subdomain_is_a_label",
            ),
        )

    def __str__(self) -> str:
        return f"owner {self.pk}"

    def clean(self) -> None:
        """Refuse a user without an address, and a name that is not allowed or was used before."""
        if self.user_id is not None and not self.user.email:
            raise ValidationError({"user": "This user has no mail address to forward to."})
        if self.user_id is not None and is_own_address(self.user.email):
            raise ValidationError({"user": "This user's mail address is one of the relay's own."})
        self.subdomain = self.subdomain.lower() if self.subdomain else None
        stored = Profile.objects.filter(pk=self.pk).values_list("subdomain", flat=True).first()
        if self.subdomain is None or self.subdomain == stored:
            return
        if not self.is_premium:
            raise ValidationError({"subdomain": "A custom name is a premium feature."})
        if not is_allowed_domain_name(self.subdomain):
            raise ValidationError({"subdomain": "This name is not allowed."})
        if RegisteredSubdomain.objects.filter(name_hash=hash_of(self.subdomain)).exists():
            raise ValidationError({"subdomain": "This name is taken."})


def is_own_address(text: str) -> bool:
    """Return whether mail to this address comes to this relay, so that no owner can have it."""
    address, config = parse(text), settings.CONFIG
    special = (config.replies_address, config.from_address)
    return address is not None and is_ours(address, config.mask_domains, special)


def _mask_domains() -> set[str]:
    return {domain for domain in map(domain_of, settings.CONFIG.mask_domains) if domain}


class Mask(models.Model):
    """The fields of both kinds of mask. The address is `local`@`domain`, in lower case."""

    KIND: MaskKind

    profile = models.ForeignKey(Profile, on_delete=models.CASCADE)
    local = models.CharField(max_length=64)
    domain = models.CharField(max_length=253)
    block = models.CharField(
        max_length=10,
        choices=[(block.value, block.value) for block in Block],
        default=Block.NONE.value,
    )
    label = models.CharField(max_length=200, blank=True, help_text="The owner's note about it.")
    forwarded = models.PositiveBigIntegerField(default=0)
    blocked = models.PositiveBigIntegerField(default=0)
    dropped = models.PositiveBigIntegerField(default=0)
    replied = models.PositiveBigIntegerField(default=0)
    trackers_removed = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
        constraints = (
            models.UniqueConstraint(
                fields=["local", "domain"],
                name="%(class)s_address_once",
                violation_error_message="There is such a mask already.",
            ),
            models.CheckConstraint(
                condition=Q(block__in=[block.value for block in Block]),
                name="%(class)s_block_is_known",
            ),
            models.CheckConstraint(
                condition=Q(local__regex=r"^[^A-Z]+$") & Q(domain__regex=r"^[^A-Z]+$"),
                name="%(class)s_address_in_lower_case",
            ),
        )

    def __str__(self) -> str:
        return f"{self.KIND} mask {self.pk}"

    @property
    def address(self) -> str:
        """The mask's mail address."""
        return f"{self.local}@{self.domain}"

    def clean(self) -> None:
        """Refuse an address that can't be a mask, or was one before."""
        if not is_mask_name(self.local):
            raise ValidationError({"local": "A mask can't have this name."})
        config = settings.CONFIG
        special = (config.replies_address, config.from_address)
        if is_special(Address(self.local, self.domain), special):
            raise ValidationError({"local": "This address is reserved."})
        if self.domain not in self._domains():
            raise ValidationError({"domain": "This kind of mask can't use this domain."})
        if self._state.adding and is_deleted(self.address):
            raise ValidationError({"local": "This address was a mask before."})

    def _domains(self) -> set[str]:
        raise NotImplementedError


class RandomMask(Mask):
    """A mask with a random name."""

    KIND = MaskKind.RANDOM

    def _domains(self) -> set[str]:
        return _mask_domains()


class DomainMask(Mask):
    """A mask under an owner's own name, created by the first mail to it."""

    KIND = MaskKind.DOMAIN

    def _domains(self) -> set[str]:
        name = self.profile.subdomain
        return {f"{name}.{domain}" for domain in _mask_domains()} if name else set()


_HASH = RegexValidator(r"^[0-9a-f]{64}$")


def hash_of(text: str) -> str:
    """Hash an address or a name that we must recognise but not store."""
    return hashlib.sha256(text.encode()).hexdigest()


def is_deleted(address: str) -> bool:
    """Return whether this address, in its normal form, belonged to a deleted mask."""
    return DeletedMask.objects.filter(address_hash=hash_of(address)).exists()


class DeletedMask(models.Model):
    """A deleted mask's address, never given out again. Only its hash is stored."""

    address_hash = models.CharField(max_length=64, unique=True, validators=[_HASH])
    deleted_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"deleted mask {self.pk}"


class RegisteredSubdomain(models.Model):
    """A name that an owner has or had, never given to anyone else. Only its hash is stored."""

    name_hash = models.CharField(max_length=64, unique=True, validators=[_HASH])
    registered_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"registered subdomain {self.pk}"


class Reply(models.Model):
    """A reply record: lets an owner reply to a forwarded mail.

    Looked up by a keyed hash of the mail's Message-ID. The correspondent is encrypted with a key
    derived from that Message-ID (`emails/store/reply_records.py`), so the table alone reveals
    nothing.
    """

    lookup = models.CharField(max_length=64, unique=True, validators=[_HASH])
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


HELD_STATES = [HeldState.HELD.value, HeldState.RELEASING.value]
"""The states in which a held mail has no last outcome yet."""


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
    recipient = models.CharField(max_length=64, validators=[_HASH])
    state = models.CharField(max_length=10, choices=DeliveryState.choices)
    claimed_until = models.DateTimeField()
    claimed_by = models.CharField(
        max_length=63, null=True, editable=False, help_text="The worker process that claimed it."
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
    recipient = models.CharField(max_length=64, validators=[_HASH])
    bucket = models.CharField(max_length=63)
    key = models.CharField(max_length=1024)
    size = models.PositiveBigIntegerField()
    verdicts = models.JSONField(help_text="The results of SES's checks.")
    sender = models.CharField(max_length=64, null=True, validators=[_HASH])
    digest = models.ForeignKey(
        HeldDigest,
        on_delete=models.SET_NULL,
        null=True,
        help_text="The first digest that told the owner of it.",
    )
    received_at = models.DateTimeField(help_text="When SES received it.")
    held_at = models.DateTimeField()
    expires_at = models.DateTimeField()
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
                condition=Q(state=HeldState.HELD.value, digest__isnull=True),
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
    sender = models.CharField(max_length=64, validators=[_HASH])
    lookup = models.CharField(max_length=64, unique=True, validators=[_HASH])
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


class AbuseCounter(models.Model):
    """What we did for an owner on one UTC day."""

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
