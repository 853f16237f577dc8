"""Owners: who gets a mask's mail, what they chose, and the names they have or had."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from emails.models.hashes import HASH, hashes_of
from emails.rules.addresses import domain_of, is_ours, is_public, parse
from emails.rules.names import is_allowed_domain_name
from emails.values.facts import NotePlace

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
    gets_digests = models.BooleanField(
        default=True,
        db_default=True,
        help_text="The owner is told of held mails, once a day. Otherwise nobody tells them.",
    )
    note_place = models.CharField(
        max_length=10,
        choices=[(place.value, place.value) for place in NotePlace],
        default=NotePlace.BOTTOM.value,
        db_default=NotePlace.BOTTOM.value,
        help_text="Where forwarded mails carry our note. Warnings are always on top, and they and "
        "renamed attachments are told even if it is none.",
    )
    allows_metrics = models.BooleanField(
        default=False,
        help_text="The owner agreed that the trackers removed from their mail are counted in our "
        "metrics. No log or metric names a mask, either way.",
    )
    flagged_at = models.DateTimeField(
        null=True, blank=True, help_text="When the owner sent more replies than a day's limit."
    )
    first_replied_at = models.DateTimeField(
        null=True, blank=True, help_text="When the owner's first reply was sent, or is being sent."
    )
    first_reply = models.BigIntegerField(
        null=True, editable=False, help_text="The delivery of the free reply."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(subdomain__isnull=True) | Q(subdomain__regex=r"^[a-z0-9-]+$"),
                name="profile_subdomain_is_a_label",
            ),
            models.CheckConstraint(
                condition=Q(note_place__in=[place.value for place in NotePlace]),
                name="profile_note_place_is_known",
            ),
        )

    def __str__(self) -> str:
        return f"owner {self.pk}"

    def clean(self) -> None:
        """Refuse a user without an address, and a name that is not allowed or was used before."""
        if self.user_id is not None and not self.user.email:
            raise ValidationError({"user": "This user has no mail address to forward to."})
        if self.user_id is not None and (why := why_refused(self.user.email, self.user_id)):
            raise ValidationError({"user": why})
        self.subdomain = self.subdomain.lower() if self.subdomain else None
        stored = Profile.objects.filter(pk=self.pk).values_list("subdomain", flat=True).first()
        if self.subdomain is None or self.subdomain == stored:
            return
        if not self.is_premium:
            raise ValidationError({"subdomain": "A custom name is a premium feature."})
        if not is_allowed_domain_name(self.subdomain):
            raise ValidationError({"subdomain": "This name is not allowed."})
        if is_registered(self.subdomain):
            raise ValidationError({"subdomain": "This name is taken."})


def is_own_address(text: str) -> bool:
    """Return whether mail to this address comes to this relay, so that no owner can have it."""
    address, config = parse(text), settings.CONFIG
    special = (config.replies_address, config.from_address, config.old_replies_address or "")
    return address is not None and is_ours(address, config.mask_domains, special)


def why_refused(text: str, user_id: int | None) -> str | None:
    """Return why this can't be the real address of this user's; None: it can be.

    With another owner's address and a `+tag`, one person would be two owners, and either could
    reply as the other: replies are compared without the tag.
    """
    address = parse(text)
    if address is None or not is_public(address):
        return "This is no mail address that can be reached from the internet."
    if is_own_address(text):
        return "This is one of the relay's own addresses."
    mailbox = address.untagged
    near = Q(user__email__istartswith=f"{mailbox.local}@") | Q(
        user__email__istartswith=f"{mailbox.local}+"
    )
    others = Profile.objects.filter(near).exclude(user=user_id)
    for other in others.values_list("user__email", flat=True):
        taken = parse(other)
        if taken is not None and taken.untagged == mailbox:
            return "Another owner has this address, perhaps with another +tag."
    return None


class RegisteredSubdomain(models.Model):
    """A name that an owner has or had, never given to anyone else. Only its hash is stored."""

    name_hash = models.CharField(max_length=64, unique=True, validators=[HASH])
    registered_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"registered subdomain {self.pk}"


def is_registered(name: str) -> bool:
    """Return whether an owner has or had this name. Firefox Relay hashed it with its domain."""
    with_domains = [f"{name}.{domain}" for domain in map(domain_of, settings.CONFIG.mask_domains)]
    hashed = [one for text in (name, *with_domains) for one in hashes_of(text)]
    return RegisteredSubdomain.objects.filter(name_hash__in=hashed).exists()
