"""What a row of Firefox Relay's becomes here, as tables."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from emails.relay_import.convert import (
    Mask,
    NotTaken,
    Owner,
    Rules,
    Why,
    hash_problem,
    mask,
    nearest_language,
    owner,
    reply_problem,
    without_bad_name,
)
from emails.relay_import.follow import changed_buckets, range_of
from emails.relay_import.schema import SourceHash, SourceMask, SourceOwner, SourceReply

NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)
RULES = Rules(
    domains=("first.example", "second.example"),
    mask_domains=("second.example", "first.example"),
    special=("replies@first.example", "relay@second.example"),
    premium_names=("premium-relay", "bundle"),
    languages=("en", "fr", "de", "es"),
)
OWNER = SourceOwner(
    id=1,
    email="ann@home.example",
    is_active=True,
    joined_at=NOW,
    account=None,
    has_profile=True,
    has_masks=True,
    name=None,
    blocks_spam=None,
    removes_trackers=None,
    hard_bounce_at=None,
    soft_bounce_at=None,
    flagged_at=None,
    has_replied=None,
    replies=None,
    replies_since=None,
)
MASK = SourceMask(
    id=1,
    owner=1,
    local="shop",
    domain=2,
    is_enabled=True,
    blocks_promotions=False,
    description="",
    made_for="",
    forwarded=0,
    blocked=0,
    spam=0,
    replied=0,
    trackers=None,
    created_at=NOW,
    last_used_at=None,
    keeps_labels=True,
    name=None,
)


def converted(**changes: Any) -> Owner:
    made = owner(replace(OWNER, **changes), RULES, NOW)
    assert isinstance(made, Owner)
    return made


def converted_mask(*, is_domain_mask: bool = False, **changes: Any) -> Mask:
    made = mask(replace(MASK, **changes), RULES, is_domain_mask=is_domain_mask)
    assert isinstance(made, Mask)
    return made


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("ja,en", "en"),
        ("de", "de"),
        ("de-AT,en;q=0.7", "de"),
        ("en;q=0.3,fr;q=0.9", "fr"),
        ("ja, FR;q=0.5", "fr"),
        ("de;q=0", "en"),
        ("de;q=nonsense,es", "es"),
        ("", "en"),
        ("ja", "en"),
    ],
)
def test_the_nearest_of_our_languages(accepted: str, language: str) -> None:
    assert nearest_language(accepted, RULES.languages) == language


@pytest.mark.parametrize(
    ("account", "is_premium", "allows_metrics"),
    [
        (None, False, False),
        ("{}", False, True),
        ('{"subscriptions": ["premium-relay"], "metricsEnabled": false}', True, False),
        ('{"subscriptions": ["other", "bundle"], "metricsEnabled": true}', True, True),
        ('{"subscriptions": ["other", 7, null]}', False, True),
        ('{"subscriptions": "premium-relay"}', False, True),
        ('"{\\"subscriptions\\": [\\"bundle\\"]}"', True, True),
        ("not JSON", False, True),
        ("[" * 100_000, False, True),
    ],
)
def test_what_an_account_says(account: str | None, is_premium: bool, allows_metrics: bool) -> None:
    made = converted(account=account)

    assert (made.is_premium, made.allows_metrics) == (is_premium, allows_metrics)


@pytest.mark.parametrize(
    ("email", "why"),
    [
        ("", Why.NO_ADDRESS),
        ("nonsense", Why.NO_ADDRESS),
        ("root@localhost", Why.NO_ADDRESS),
        ("me@second.example", Why.OWN_ADDRESS),
        ("me@ann.second.example", Why.OWN_ADDRESS),
    ],
)
def test_an_owner_needs_an_address_elsewhere(email: str, why: Why) -> None:
    assert owner(replace(OWNER, email=email), RULES, NOW) == NotTaken(1, why)


def test_an_account_that_owns_nothing_is_no_owner() -> None:
    nothing = replace(OWNER, has_profile=False, has_masks=False, email="")

    assert owner(nothing, RULES, NOW) is None


@pytest.mark.parametrize(
    ("hard_days", "soft_hours", "meaning"),
    [
        (None, None, None),
        (29, None, "gone"),
        (31, None, None),
        (None, 23, "unreachable"),
        (None, 25, None),
        (29, 1, "gone"),
        (31, 1, "unreachable"),
    ],
)
def test_a_bounce_counts_for_as_long_as_it_did(
    hard_days: int | None, soft_hours: int | None, meaning: str | None
) -> None:
    made = converted(
        hard_bounce_at=hard_days and NOW - timedelta(days=hard_days),
        soft_bounce_at=soft_hours and NOW - timedelta(hours=soft_hours),
    )

    assert made.bounce_meaning == meaning
    assert (made.bounced_at is None) == (meaning is None)


@pytest.mark.parametrize(
    ("name", "kept"), [("Ann", "ann"), ("a_b", None), ("", None), (None, None), ("x" * 64, None)]
)
def test_a_name_that_cannot_be_stored_is_left_out(name: str | None, kept: str | None) -> None:
    made, problem = without_bad_name(converted(name=name))

    assert made.subdomain == kept
    assert (problem is not None) == (bool(name) and kept is None)


@pytest.mark.parametrize(
    ("changes", "address"),
    [
        ({}, "shop@second.example"),
        ({"domain": 1}, "shop@first.example"),
        ({"local": "SHOP"}, "shop@second.example"),
        ({"is_domain_mask": True, "name": "Ann"}, "shop@ann.second.example"),
        ({"local": "o'neill_+-"}, "o'neill_+-@second.example"),
    ],
)
def test_where_a_mask_lies(changes: dict[str, Any], address: str) -> None:
    made = converted_mask(**changes)

    assert f"{made.local}@{made.domain}" == address


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"domain": 0}, Why.UNKNOWN_DOMAIN),
        ({"domain": 3}, Why.UNKNOWN_DOMAIN),
        ({"local": ""}, Why.RESERVED_ADDRESS),
        ({"local": "two@x"}, Why.RESERVED_ADDRESS),
        ({"local": "noreply"}, Why.RESERVED_ADDRESS),
        ({"local": "replies", "domain": 1}, Why.RESERVED_ADDRESS),
        ({"is_domain_mask": True}, Why.NO_NAME),
        ({"is_domain_mask": True, "name": "a_b"}, Why.NO_NAME),
    ],
)
def test_what_is_no_mask_here(changes: dict[str, Any], why: Why) -> None:
    is_domain_mask = changes.pop("is_domain_mask", False)

    made = mask(replace(MASK, **changes), RULES, is_domain_mask=is_domain_mask)

    assert made == NotTaken(1, why)


@pytest.mark.parametrize(
    ("is_enabled", "blocks_promotions", "block"),
    [
        (True, False, "none"),
        (True, True, "promotions"),
        (False, False, "all"),
        (False, True, "all"),
    ],
)
def test_what_a_mask_blocks(is_enabled: bool, blocks_promotions: bool, block: str) -> None:
    made = converted_mask(is_enabled=is_enabled, blocks_promotions=blocks_promotions)

    assert made.block == block


@pytest.mark.parametrize(
    ("description", "made_for", "keeps_labels", "label"),
    [
        ("Shop", "shop.example", True, "Shop"),
        ("", "shop.example", True, "shop.example"),
        ("Shop", "shop.example", False, ""),
        ("x" * 64, "y" * 255, True, "x" * 64),
        ("", "y" * 255, True, "y" * 200),
    ],
)
def test_its_label(description: str, made_for: str, keeps_labels: bool, label: str) -> None:
    made = converted_mask(description=description, made_for=made_for, keeps_labels=keeps_labels)

    assert made.label == label


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, None),
        ({"lookup": "short"}, Why.BAD_RECORD),
        ({"metadata": "a.b"}, Why.BAD_RECORD),
        ({"random_mask": None}, Why.NO_MASK),
        ({"domain_mask": 2}, Why.NO_MASK),
    ],
)
def test_which_reply_records_are_of_use(changes: dict[str, Any], why: Why | None) -> None:
    row = SourceReply(1, "A" * 22 + "==", "h..n.c.t", 1, None, NOW.date())

    assert reply_problem(replace(row, **changes)) == why


def test_which_hashes_are_of_use() -> None:
    assert hash_problem(SourceHash(1, "0f" * 32)) is None
    assert hash_problem(SourceHash(1, "0F" * 32)) is Why.BAD_HASH


def test_only_buckets_that_differ_are_read_again() -> None:
    before, after = {0: (2, 5), 1: (1, 1), 2: (3, 3)}, {0: (2, 5), 1: (1, 2), 4: (1, 9)}

    assert changed_buckets(before, after) == [1, 2, 4]
    assert range_of(0) == (-1, 999)
    assert range_of(4) == (3_999, 4_999)
