"""Records deleted masks' addresses and registered names, so that they are never given out again.

Uses signals, so that it also covers the admin and the deletion of an owner with all masks.
"""

from typing import Any

from django.db.models.signals import post_delete, post_save

from emails.models import (
    DeletedMask,
    DomainMask,
    Mask,
    Profile,
    RandomMask,
    RegisteredSubdomain,
    hash_of,
)


def connect_signals() -> None:
    """Connect the signals. Called once, when Django is ready."""
    for kind in (RandomMask, DomainMask):
        post_delete.connect(_record_deleted_mask, sender=kind, dispatch_uid=f"deleted_{kind.KIND}")
    post_save.connect(_record_subdomain, sender=Profile, dispatch_uid="registered_subdomain")


def _record_deleted_mask(*, instance: Mask, **_: Any) -> None:
    DeletedMask.objects.get_or_create(address_hash=hash_of(instance.address))


def _record_subdomain(*, instance: Profile, **_: Any) -> None:
    if instance.subdomain:
        RegisteredSubdomain.objects.get_or_create(name_hash=hash_of(instance.subdomain))
