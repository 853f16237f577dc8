"""Masks of both kinds, their counters, and the addresses of those that were deleted."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from emails.models.hashes import HASH, hashes_of
from emails.models.owners import Profile
from emails.rules.addresses import Address, domain_of, is_special
from emails.rules.names import is_mask_name
from emails.values.facts import Block, MaskKind


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
    counted_on = models.DateField(
        null=True, editable=False, help_text="The UTC day that the next two are about."
    )
    mails_that_day = models.PositiveBigIntegerField(default=0, db_default=0, editable=False)
    bytes_that_day = models.PositiveBigIntegerField(default=0, db_default=0, editable=False)
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
        special = (config.replies_address, config.from_address, config.old_replies_address or "")
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


def is_deleted(address: str) -> bool:
    """Return whether this address, in its normal form, belonged to a deleted mask.

    Firefox Relay hashed the local part alone for its oldest domain: no random mask of ours can have
    that, at any domain.
    """
    local, _, domain = address.rpartition("@")
    texts = [address, *([local] if domain in _mask_domains() else [])]
    hashed = [one for text in texts for one in hashes_of(text)]
    return DeletedMask.objects.filter(address_hash__in=hashed).exists()


class DeletedMask(models.Model):
    """A deleted mask's address, never given out again. Only its hash is stored."""

    address_hash = models.CharField(max_length=64, unique=True, validators=[HASH])
    deleted_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"deleted mask {self.pk}"
