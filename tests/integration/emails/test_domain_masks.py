"""A domain mask is created by its first mail, and by nothing else. Lessons 22, 24."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, connections

from emails.models import AbuseCounter, DomainMask, Profile
from emails.values.outcomes import (
    Dropped,
    DropReason,
    Forwarded,
    ForwardReason,
    Held,
    HeldReason,
    NoMask,
    NoMaskReason,
)
from tests.integration.emails.conftest import Relay, a_domain_mask, an_owner

BORN = Forwarded(ForwardReason.NEW_MASK)


def a_premium_owner() -> Profile:
    return an_owner(is_premium=True, subdomain="ann")


def test_the_first_mail_creates_the_mask_and_the_second_finds_it(relay: Relay) -> None:
    owner = a_premium_owner()

    assert relay.arrive("Shop+x@Ann.masks.example") == (BORN,)
    assert relay.arrive("shop@ann.masks.example") == (Forwarded(ForwardReason.EXISTING_MASK),)

    mask = DomainMask.objects.get()
    assert (mask.profile, mask.address) == (owner, "shop@ann.masks.example")
    assert mask.forwarded == 2
    assert AbuseCounter.objects.get().masks == 1


def test_a_dropped_mail_creates_no_mask(relay: Relay) -> None:
    a_premium_owner()

    assert relay.arrive("shop@ann.masks.example", virus="FAIL") == (Dropped(DropReason.VIRUS),)
    assert DomainMask.objects.count() == 0
    assert relay.mail_store.fetched == []


def test_a_deleted_domain_mask_is_not_created_again(relay: Relay) -> None:
    a_domain_mask(a_premium_owner()).delete()

    assert relay.arrive("shop@ann.masks.example") == (NoMask(NoMaskReason.DELETED),)
    assert DomainMask.objects.count() == 0


@pytest.mark.parametrize(
    ("recipient", "reason"),
    [
        ("shop@eve.masks.example", NoMaskReason.UNKNOWN),
        ("postmaster@ann.masks.example", NoMaskReason.NAME_NOT_ALLOWED),
        ('"odd local"@ann.masks.example', NoMaskReason.NAME_NOT_ALLOWED),
    ],
)
def test_an_invalid_name_is_no_mask(relay: Relay, recipient: str, reason: NoMaskReason) -> None:
    a_premium_owner()

    assert relay.arrive(recipient) == (NoMask(reason),)


def test_an_owner_who_is_no_longer_premium_keeps_the_masks_but_gets_no_new_ones(
    relay: Relay,
) -> None:
    owner = a_premium_owner()
    a_domain_mask(owner)
    Profile.objects.update(is_premium=False)

    assert relay.arrive("shop@ann.masks.example") == (Forwarded(ForwardReason.EXISTING_MASK),)
    assert relay.arrive("new@ann.masks.example") == (NoMask(NoMaskReason.NEEDS_PREMIUM),)


def test_masks_are_made_up_to_the_daily_limit_and_again_the_next_day(relay: Relay) -> None:
    a_premium_owner()

    outcomes = [relay.arrive(f"m{number}@ann.masks.example")[0] for number in range(4)]

    assert outcomes == [BORN, BORN, BORN, Held(HeldReason.NEW_MASK_LIMIT)]
    relay.now = relay.now.replace(day=relay.now.day + 1, hour=0, minute=0)
    assert relay.arrive("m9@ann.masks.example") == (BORN,)


def test_a_concurrent_flood_cannot_exceed_the_limit(transactional_db: None) -> None:
    relay = Relay()
    a_premium_owner()

    def attempt(number: int) -> object:
        try:
            return relay.arrive(f"m{number}@ann.masks.example")[0]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(attempt, range(16)))

    assert outcomes.count(BORN) == DomainMask.objects.count() == relay.policy.max_masks_per_day


@pytest.mark.parametrize("limit", ["max_masks_per_sender", "max_masks_per_day"])
def test_no_more_masks_are_made_than_the_limit_though_all_found_room(
    transactional_db: None, limit: str
) -> None:
    relay, barrier = Relay(), Barrier(8)
    relay.with_policy(**{"max_masks_per_sender": 50, "max_masks_per_day": 50} | {limit: 3})
    a_premium_owner()

    def insert_together(execute: Any, sql: str, *others: Any) -> Any:
        if 'INSERT INTO "emails_domainmask"' in sql:
            barrier.wait(10)
        return execute(sql, *others)

    def attempt(number: int) -> object:
        try:
            with connection.execute_wrapper(insert_together):
                return relay.arrive(f"m{number}@ann.masks.example")[0]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(attempt, range(8)))

    assert outcomes.count(BORN) == DomainMask.objects.count() == 3
    assert outcomes.count(Held(HeldReason.NEW_MASK_LIMIT)) == 5


def test_two_first_mails_at_once_make_one_mask(transactional_db: None) -> None:
    relay = Relay()
    a_premium_owner()

    def attempt(_: int) -> object:
        try:
            return relay.arrive("shop@ann.masks.example")[0]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(attempt, range(4)))

    assert all(isinstance(outcome, Forwarded) for outcome in outcomes)
    assert DomainMask.objects.get().forwarded == 4
    assert AbuseCounter.objects.get().masks == 1
