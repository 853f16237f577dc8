"""`manage.py import_relay`: what becomes of Firefox Relay's database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management import CommandError
from django.test import override_settings

from emails.config import DomainConfig
from emails.models import (
    AbuseCounter,
    MailboxBreaker,
    Profile,
    RandomMask,
    is_deleted,
)
from emails.relay_import.models import ImportedReply
from tests.integration.relay_import.conftest import PREMIUM, imported, mask_of, now
from tools.local.firefox_relay import FIRST_DOMAIN, SECOND_DOMAIN, FirefoxRelay, sha256

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("config")]


def test_owners_and_masks_are_taken_with_what_they_chose(website: FirefoxRelay) -> None:
    ann = website.add_owner(
        "Ann@home.example",
        name="ann",
        account=PREMIUM,
        auto_block_spam=True,
        remove_level_one_email_trackers=True,
        forwarded_first_reply=True,
    )
    used = datetime(2026, 5, 1, tzinfo=UTC)
    counted = {"num_forwarded": 7, "num_blocked": 3, "num_spam": 2, "num_replied": 1}
    website.add_mask(ann, "shop", description="Shop", last_used_at=used, **counted)
    website.add_mask(ann, "old", domain=1, enabled=False, block_list_emails=True)
    website.add_mask(ann, "made", generated_for="news.example", block_list_emails=True)
    website.add_domain_mask(ann, "Club", num_level_one_trackers_blocked=5)

    code, text = imported()

    assert code == 0, text
    owner = Profile.objects.get(user__email="Ann@home.example")
    assert (owner.subdomain, owner.is_premium, owner.language) == ("ann", True, "de")
    assert (owner.blocks_spam, owner.removes_trackers, owner.allows_metrics) == (True, True, True)
    assert owner.first_replied_at is not None
    assert not owner.user.has_usable_password()
    shop = mask_of(f"shop@{SECOND_DOMAIN}")
    assert (shop.block, shop.label, shop.last_used_at) == ("none", "Shop", used)
    assert (shop.forwarded, shop.blocked, shop.dropped, shop.replied) == (7, 3, 2, 1)
    assert mask_of(f"old@{FIRST_DOMAIN}").block == "all"
    made = mask_of(f"made@{SECOND_DOMAIN}")
    assert (made.block, made.label) == ("promotions", "news.example")
    assert mask_of(f"club@ann.{SECOND_DOMAIN}").trackers_removed == 5
    assert {mask.profile for mask in RandomMask.objects.all()} == {owner}


def test_labels_are_not_taken_from_owners_who_want_none_kept(website: FirefoxRelay) -> None:
    ann = website.add_owner("ann@home.example", server_storage=False)
    website.add_mask(ann, "shop", description="Shop", generated_for="shop.example")

    imported()

    assert mask_of(f"shop@{SECOND_DOMAIN}").label == ""


def test_a_mask_whose_owner_has_no_profile_is_taken(website: FirefoxRelay) -> None:
    ann = website.add_owner("ann@home.example", has_profile=False)
    website.add_mask(ann, "shop")
    website.add_owner("operator@home.example", has_profile=False)

    code, text = imported()

    assert code == 0, text
    assert mask_of(f"shop@{SECOND_DOMAIN}").profile.user.email == "ann@home.example"
    assert not get_user_model().objects.filter(email="operator@home.example").exists()


def test_a_mailbox_that_bounces_is_held_for_and_probed_soon(website: FirefoxRelay) -> None:
    recently, long_ago = now() - timedelta(days=5), now() - timedelta(days=40)
    website.add_owner("gone@home.example", last_hard_bounce=recently)
    website.add_owner("back@home.example", last_hard_bounce=long_ago)
    website.add_owner("full@home.example", last_soft_bounce=now() - timedelta(hours=3))
    website.add_owner("soft@home.example", last_soft_bounce=recently)

    imported()

    opened = MailboxBreaker.objects.values_list("profile__user__email", "meaning")
    assert set(opened) == {("gone@home.example", "gone"), ("full@home.example", "unreachable")}
    assert all(one.next_probe_at <= now() for one in MailboxBreaker.objects.all())


def test_replies_of_today_count_and_an_abuser_stays_flagged(website: FirefoxRelay) -> None:
    flagged = now() - timedelta(hours=2)
    ann = website.add_owner("ann@home.example", last_account_flagged=flagged)
    add = "INSERT INTO emails_abusemetrics (user_id, first_recorded, num_replies_per_day) VALUES "
    website.run(add + "(%s, now(), 9)", ann)

    imported()
    website.run("UPDATE emails_abusemetrics SET num_replies_per_day = 11")
    imported()

    assert Profile.objects.get().flagged_at == flagged
    assert AbuseCounter.objects.get().replies == 11


def test_names_and_masks_of_before_the_move_are_never_given_again(website: FirefoxRelay) -> None:
    """Their hashes were made without a key, and with other texts than ours."""
    for text in ("dead1", f"dead2@{SECOND_DOMAIN}", f"dead3@ann.{SECOND_DOMAIN}"):
        website.run("INSERT INTO emails_deletedaddress (address_hash) VALUES (%s)", sha256(text))
    departed = sha256(f"carl.{SECOND_DOMAIN}")
    website.run("INSERT INTO emails_registeredsubdomain (subdomain_hash) VALUES (%s)", departed)
    website.add_owner("ann@home.example", name="ann", account=PREMIUM)

    imported()

    assert is_deleted(f"dead1@{FIRST_DOMAIN}")
    assert is_deleted(f"dead1@{SECOND_DOMAIN}")
    assert not is_deleted(f"dead1@ann.{SECOND_DOMAIN}")
    assert is_deleted(f"dead2@{SECOND_DOMAIN}")
    assert is_deleted(f"dead3@ann.{SECOND_DOMAIN}")
    assert not is_deleted(f"alive@{SECOND_DOMAIN}")
    user = get_user_model().objects.create(username="new", email="new@home.example")
    for name in ("carl", "ann"):
        with pytest.raises(ValidationError, match=r"taken|already"):
            Profile(user=user, is_premium=True, subdomain=name).full_clean()
    Profile(user=user, is_premium=True, subdomain="dora").full_clean()


def test_what_cannot_be_taken_is_listed_with_the_reason(website: FirefoxRelay) -> None:
    ann = website.add_owner("ann@home.example")
    website.add_mask(ann, "taken", domain=3)
    website.add_mask(ann, "replies", domain=1)
    website.add_domain_mask(ann, "club")
    website.add_owner("ANN@home.example")
    nobody = website.add_owner("")
    website.add_mask(nobody, "lost")
    website.add_owner(f"me@{SECOND_DOMAIN}")
    website.run("INSERT INTO emails_deletedaddress (address_hash) VALUES ('nonsense')")

    code, text = imported()

    assert code == 1
    for line in (
        "owners: 1 not taken, address_taken: 2",
        "owners: 1 not taken, no_address: 3",
        "owners: 1 not taken, own_address: 4",
        "random_masks: 1 not taken, unknown_domain: 1",
        "random_masks: 1 not taken, reserved_address: 2",
        "random_masks: 1 not taken, no_owner: 3",
        "domain_masks: 1 not taken, no_name: 1",
        "deleted_masks: 1 not taken, bad_hash: 1",
    ):
        assert line in text
    assert "home.example" not in text


def test_an_owner_and_a_mask_that_were_made_here_by_hand_are_adopted(website: FirefoxRelay) -> None:
    user = get_user_model().objects.create(username="by hand", email="ANN@home.example")
    profile = Profile.objects.create(user=user)
    RandomMask.objects.create(profile=profile, local="shop", domain=SECOND_DOMAIN, forwarded=4)
    website.add_mask(website.add_owner("ann@home.example"), "shop", enabled=False)

    code, text = imported()

    assert code == 0, text
    mask = RandomMask.objects.get()
    assert (mask.profile, mask.block, mask.forwarded) == (profile, "all", 4)


def test_a_mask_of_somebody_else_here_is_not_overwritten(website: FirefoxRelay) -> None:
    user = get_user_model().objects.create(username="by hand", email="eve@home.example")
    profile = Profile.objects.create(user=user)
    RandomMask.objects.create(profile=profile, local="shop", domain=SECOND_DOMAIN)
    website.add_mask(website.add_owner("ann@home.example"), "shop")

    code, text = imported()

    assert code == 1
    assert "random_masks: 1 not taken, address_taken: 1" in text
    assert RandomMask.objects.get().profile == profile


def test_reply_records_are_kept_as_they_are_and_with_their_mask(website: FirefoxRelay) -> None:
    ann = website.add_owner("ann@home.example", name="ann")
    mask, domain_mask = website.add_mask(ann, "shop"), website.add_domain_mask(ann, "club")
    fields = {"from": "bob@sender.example"}
    website.add_reply("id-1", mask=mask, fields=fields)
    website.add_reply("id-2", domain_mask=domain_mask, fields=fields)
    website.add_reply("id-3", mask=mask, fields=fields, created_at="2020-01-01")

    code, text = imported()

    assert code == 0, text
    masks = ImportedReply.objects.order_by("pk").values_list(
        "random_mask__local", "domain_mask__local"
    )
    assert list(masks) == [("shop", None), (None, "club")]


def test_what_is_no_source_is_refused_with_what_to_do(
    website: FirefoxRelay, source_url: str, config: DomainConfig
) -> None:
    from dataclasses import replace

    def refused(match: str, **changes: Any) -> None:
        with (
            override_settings(CONFIG=replace(config, **changes)),
            pytest.raises(CommandError, match=match),
        ):
            imported()

    refused("RELAY_SOURCE_DATABASE_URL is not set", source_database_url=None)
    refused("--role-may-write", source_database_url=source_url)
    refused("MOZMAIL_DOMAIN", second_domain=None)
    refused("can't be read", source_database_url="postgresql://nobody@127.0.0.1:1/none")
    website.run("DROP TABLE emails_reply, emails_relayaddress CASCADE")
    refused("not Firefox Relay's database")
