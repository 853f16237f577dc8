"""Addresses and names that are never given twice: noted whenever a row goes or a name is taken.

Done by signals, so that it holds for the admin and for the deletion of a whole owner, too.
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


def watch() -> None:
    """Begin; called once, when Django is ready."""
    for kind in (RandomMask, DomainMask):
        post_delete.connect(_remember_mask, sender=kind, dispatch_uid=f"remember_{kind.KIND}")
    post_save.connect(_remember_subdomain, sender=Profile, dispatch_uid="remember_subdomain")


def _remember_mask(*, instance: Mask, **_: Any) -> None:
    DeletedMask.objects.get_or_create(address_hash=hash_of(instance.address))


def _remember_subdomain(*, instance: Profile, **_: Any) -> None:
    if instance.subdomain:
        RegisteredSubdomain.objects.get_or_create(name_hash=hash_of(instance.subdomain))
