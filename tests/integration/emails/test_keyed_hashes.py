"""Tombstones: a copy of the table tells nobody which addresses were masks."""

import hashlib
from importlib import import_module

import pytest
from django.apps import apps
from django.core.management import CommandError
from django.test import override_settings

from emails.models import DeletedMask, RegisteredSubdomain, hash_of, is_deleted

pytestmark = pytest.mark.django_db

ADDRESS = "x7k2@masks.example"


def unkeyed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_nobody_without_the_key_can_tell_what_was_hashed() -> None:
    assert hash_of(ADDRESS) != unkeyed(ADDRESS)
    assert hash_of(ADDRESS) != hash_of(ADDRESS + " ")
    with override_settings(REPLY_SECRETS=(b"another",)):
        assert not DeletedMask.objects.filter(address_hash=hash_of(ADDRESS)).exists()
        other = hash_of(ADDRESS)
    assert other != hash_of(ADDRESS)


def test_tombstones_from_before_there_was_a_key_still_work() -> None:
    many = [f"{number}@masks.example" for number in range(1_001)]
    DeletedMask.objects.bulk_create(DeletedMask(address_hash=unkeyed(one)) for one in many)
    RegisteredSubdomain.objects.create(name_hash=unkeyed("ann"))
    assert not is_deleted(many[0])

    import_module("emails.migrations.0014_keyed_hashes")._key_all(apps, None)

    assert all(map(is_deleted, (many[0], many[999], many[1_000])))
    assert RegisteredSubdomain.objects.filter(name_hash=hash_of("ann")).exists()
    assert not DeletedMask.objects.filter(address_hash__in=map(unkeyed, many)).exists()


def test_hashes_are_not_keyed_under_a_placeholder() -> None:
    """Nobody would ever recognise them again, and deleted masks would go to strangers."""
    DeletedMask.objects.create(address_hash=unkeyed(ADDRESS))
    migrate = import_module("emails.migrations.0014_keyed_hashes")._key_all

    with override_settings(HAS_PLACEHOLDER_KEY=True), pytest.raises(CommandError, match="SECRET"):
        migrate(apps, None)

    assert DeletedMask.objects.filter(address_hash=unkeyed(ADDRESS)).exists()


def test_a_new_database_needs_no_secret_to_be_migrated() -> None:
    with override_settings(HAS_PLACEHOLDER_KEY=True):
        import_module("emails.migrations.0014_keyed_hashes")._key_all(apps, None)
