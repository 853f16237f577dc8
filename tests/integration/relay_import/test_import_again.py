"""`manage.py import_relay` once more: what changed on either side, and what never comes back."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError
from django.db import connection

from emails.config import DomainConfig
from emails.models import Profile, RandomMask, is_deleted
from emails.relay_import import run
from emails.relay_import.models import ImportRun, ImportStep
from emails.relay_import.setup import settings_of
from emails.relay_import.source import Source
from tests.integration.relay_import.conftest import PREMIUM, imported, mask_of, now
from tools.local.firefox_relay import SECOND_DOMAIN, FirefoxRelay

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("config")]


def everything_here() -> list[Any]:
    """All rows of ours, so that a change shows."""
    found: list[Any] = []
    with connection.cursor() as cursor:
        tables = [
            name
            for name in connection.introspection.table_names(cursor)
            if name.startswith(("emails_", "relay_import_imported", "auth_user"))
        ]
        for name in sorted(tables):
            cursor.execute(f"SELECT xmin::text, t.* FROM {name} AS t ORDER BY 1, 2")
            found += [(name, cursor.fetchall())]
    return found


def test_a_second_import_changes_nothing(website: FirefoxRelay) -> None:
    ann = website.add_owner(
        "ann@home.example",
        name="ann",
        account=PREMIUM,
        last_hard_bounce=now(),
        auto_block_spam=True,
    )
    mask = website.add_mask(ann, "shop", num_forwarded=3, description="Shop")
    website.add_domain_mask(ann, "club")
    website.add_reply("id-1", mask=mask, fields={"from": "bob@sender.example"})
    website.delete_mask(website.add_mask(ann, "departed"))
    imported()
    before = everything_here()

    code, text = imported()

    assert code == 0
    assert everything_here() == before
    assert "random_masks: 1 read, 0 added, 0 changed, 0 deleted" in text


def test_an_owner_just_added_did_not_change_and_each_that_did_counts_once(
    website: FirefoxRelay,
) -> None:
    ann = website.add_owner(
        "ann@home.example",
        name="ann",
        account=PREMIUM,
        last_account_flagged=now(),
        last_hard_bounce=now(),
    )
    website.add_owner("ben@home.example")
    website.add_mask(ann, "shop", num_forwarded=3)
    add = "INSERT INTO emails_abusemetrics (user_id, first_recorded, num_replies_per_day) VALUES "
    website.run(add + "(%s, now(), 9)", ann)

    _, first = imported()
    website.run("UPDATE auth_user SET email = 'ann@new.example' WHERE id = %s", ann)
    website.change_profile(ann, remove_level_one_email_trackers=True)
    website.run("UPDATE emails_abusemetrics SET num_replies_per_day = 11")
    _, second = imported()

    assert "owners: 2 read, 2 added, 0 changed, 0 deleted" in first
    assert "random_masks: 1 read, 1 added, 0 changed, 0 deleted" in first
    assert "owners: 2 read, 0 added, 1 changed, 0 deleted" in second


def test_a_dry_run_reports_the_same_and_changes_nothing(website: FirefoxRelay) -> None:
    website.add_mask(website.add_owner("ann@home.example"), "shop")

    code, text = imported(dry_run=True)

    assert code == 0
    assert "random_masks: 1 at the source, 1 here" in text
    assert not Profile.objects.exists()
    assert not ImportRun.objects.exists()


def test_what_changed_there_is_taken_and_what_changed_here_stays(website: FirefoxRelay) -> None:
    ann = website.add_owner("ann@home.example")
    shop, club = website.add_mask(ann, "shop", num_forwarded=5), website.add_mask(ann, "club")
    imported()
    RandomMask.objects.filter(local="shop").update(block="all", forwarded=8)
    Profile.objects.update(blocks_spam=True)

    website.change_mask(shop, num_forwarded=7, description="Shop")
    website.change_mask(club, enabled=False)
    website.change_profile(ann, remove_level_one_email_trackers=True)
    website.run("UPDATE auth_user SET email = 'ann@new.example'")
    imported()

    here = mask_of(f"shop@{SECOND_DOMAIN}")
    assert (here.block, here.forwarded, here.label) == ("all", 10, "Shop")
    assert mask_of(f"club@{SECOND_DOMAIN}").block == "all"
    owner = Profile.objects.get()
    assert (owner.blocks_spam, owner.removes_trackers) == (True, True)
    assert owner.user.email == "ann@new.example"


def test_what_was_deleted_there_is_deleted_and_never_given_again(website: FirefoxRelay) -> None:
    ann = website.add_owner("ann@home.example")
    shop = website.add_mask(ann, "shop")
    ben = website.add_owner("ben@home.example", name="ben")
    website.add_domain_mask(ben, "club")
    imported()

    website.delete_mask(shop)
    website.run("DELETE FROM emails_domainaddress")
    website.run("DELETE FROM emails_profile WHERE user_id = %s", ben)
    website.run("DELETE FROM auth_user WHERE id = %s", ben)
    imported()

    assert not RandomMask.objects.exists()
    assert list(Profile.objects.values_list("user__email", flat=True)) == ["ann@home.example"]
    assert is_deleted(f"shop@{SECOND_DOMAIN}")
    assert is_deleted(f"club@ben.{SECOND_DOMAIN}")


def test_what_was_deleted_here_is_not_taken_again(website: FirefoxRelay) -> None:
    ann, ben = website.add_owner("ann@home.example"), website.add_owner("ben@home.example")
    website.add_mask(ann, "shop")
    website.add_mask(ben, "club")
    imported()
    RandomMask.objects.filter(local="shop").delete()
    get_user_model().objects.filter(email="ben@home.example").delete()

    code, text = imported()

    assert code == 0, text
    assert not RandomMask.objects.exists()
    assert list(Profile.objects.values_list("user__email", flat=True)) == ["ann@home.example"]


def test_an_interrupted_import_continues(
    website: FirefoxRelay, source: Source, config: DomainConfig
) -> None:
    ann = website.add_owner("ann@home.example")
    for number in range(5):
        website.add_mask(ann, f"mask{number}")
    ranges = run.run(source, settings_of(config, now()), rows_a_range=2)
    while next(ranges).step != "random_masks":
        pass
    ranges.close()
    assert RandomMask.objects.count() == 2
    assert ImportStep.objects.get(name="random_masks").after == 2

    progress = list(run.run(source, settings_of(config, now()), rows_a_range=2))

    assert sum(one.rows for one in progress if one.step == "random_masks") == 3
    assert RandomMask.objects.count() == 5
    assert not ImportStep.objects.exists()


def test_an_empty_source_does_not_delete_everything(website: FirefoxRelay) -> None:
    """A wrong database, or one that was restored halfway."""
    ann = website.add_owner("ann@home.example")
    website.run(
        "INSERT INTO emails_relayaddress (user_id, address, domain)"
        " SELECT %s, 'm' || n, 2 FROM generate_series(1, 1001) AS n",
        ann,
    )
    imported()
    website.run("DELETE FROM emails_relayaddress")

    with pytest.raises(CommandError, match="--allow-deletions"):
        imported()
    assert RandomMask.objects.count() == 1_001

    imported(allow_deletions=True)
    assert not RandomMask.objects.exists()


def test_another_database_than_before_is_refused(website: FirefoxRelay) -> None:
    website.add_owner("ann@home.example")
    imported()
    website.run("UPDATE django_migrations SET applied = applied + interval '1 day'")

    with pytest.raises(CommandError, match="another database"):
        imported()
