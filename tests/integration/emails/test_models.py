"""Constraints that the database enforces, whoever writes."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from emails.models import (
    AbuseCounter,
    DeletedMask,
    Delivery,
    Profile,
    RandomMask,
    RegisteredSubdomain,
    Reply,
)
from tests.integration.emails.conftest import a_mask, an_owner
from tests.unit.emails.builders import NOW

pytestmark = pytest.mark.django_db


def a_delivery(**fields: Any) -> Delivery:
    given = {
        "sns_message_id": "1",
        "recipient": "0" * 64,
        "state": "claimed",
        "claimed_until": NOW,
        "created_at": NOW,
    }
    return Delivery.objects.create(**(given | fields))


def a_reply(**masks: Any) -> Reply:
    return Reply.objects.create(lookup="0" * 64, metadata=b"", created_at=NOW, **masks)


REFUSED: dict[str, Callable[[Profile], object]] = {
    "an address twice": lambda owner: [a_mask(owner), a_mask(owner)],
    "an address in upper case": lambda owner: a_mask(owner, "X7K2"),
    "an unknown block": lambda owner: a_mask(owner, block="some"),
    "a subdomain twice": lambda owner: [
        Profile.objects.update(subdomain="ann"),
        an_owner("eve@owner.example", subdomain="ann"),
    ],
    "a subdomain that is no label": lambda owner: Profile.objects.update(subdomain="a.b"),
    "a real address twice": lambda owner: an_owner("ANN@owner.example"),
    "a delivery twice": lambda owner: [a_delivery(), a_delivery()],
    "an unknown state": lambda owner: a_delivery(state="lost"),
    "an end without an outcome": lambda owner: a_delivery(state="finished", finished_at=NOW),
    "a thread without a mask": lambda owner: a_reply(),
    "two counters for a day": lambda owner: [
        AbuseCounter.objects.create(profile=owner, day=NOW.date()) for _ in range(2)
    ],
    "a counter below zero": lambda owner: AbuseCounter.objects.create(
        profile=owner, day=NOW.date(), mails=-1
    ),
    "a deleted address twice": lambda owner: [
        DeletedMask.objects.create(address_hash="0" * 64) for _ in range(2)
    ],
}


@pytest.mark.parametrize("write", REFUSED.values(), ids=REFUSED.keys())
def test_the_database_refuses(write: Callable[[Profile], object]) -> None:
    owner = an_owner()

    with pytest.raises(IntegrityError), transaction.atomic():
        write(owner)


def test_deleting_an_owner_leaves_tombstones_with_hashes_of_the_masks() -> None:
    owner = an_owner()
    a_mask(owner)
    a_mask(owner, "y8m3")

    owner.user.delete()

    assert RandomMask.objects.count() == 0
    assert DeletedMask.objects.count() == 2
    assert "x7k2" not in str(list(DeletedMask.objects.values()))


def test_the_subdomain_of_an_owner_who_left_is_never_given_to_another() -> None:
    """Mail to the old owner's masks would reach the new one."""
    an_owner("ann@owner.example", subdomain="ann").user.delete()
    other = an_owner("eve@owner.example", is_premium=True)
    other.subdomain = "ann"

    with pytest.raises(ValidationError, match="taken"):
        other.clean()
    assert "ann" not in str(list(RegisteredSubdomain.objects.values("name_hash")))
