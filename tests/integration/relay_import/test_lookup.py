"""Masks and threads that only Firefox Relay knows: looked up there before anything is lost."""

import os
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command

from emails.config import DomainConfig
from emails.flow.looking_up import look_up_held
from emails.models import DomainMask, HeldMail, Profile, RandomMask
from emails.relay_import.lookup import FirefoxRelay as Lookup
from emails.relay_import.retention import remove_old_imported_replies
from emails.values.errors import ReplyLeft
from emails.values.outcomes import (
    Blocked,
    BlockReason,
    Dropped,
    DropReason,
    Forwarded,
    ForwardReason,
    Held,
    HeldReason,
    NoMask,
    NoMaskReason,
    Replied,
    ReplyReason,
)
from tests.integration.emails.conftest import Relay
from tests.integration.relay_import.conftest import now
from tools.local.firefox_relay import FIRST_DOMAIN, SECOND_DOMAIN, FirefoxRelay

pytestmark = pytest.mark.django_db

EXISTING = (Forwarded(ForwardReason.EXISTING_MASK),)
UNKNOWN = (NoMask(NoMaskReason.UNKNOWN),)
HELD = (Held(HeldReason.MASK_NOT_LOOKED_UP),)
PREMIUM = {"subscriptions": ["premium-relay"]}
ID = "0100019291f7e695-1-000000"
NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


@pytest.fixture
def relay(config: DomainConfig) -> Relay:
    """A relay that is being moved from Firefox Relay."""
    relay = Relay(predecessor=Lookup(config))
    relay.mailer.domains |= {SECOND_DOMAIN, FIRST_DOMAIN}
    relay.with_policy(
        mask_domains=(SECOND_DOMAIN, FIRST_DOMAIN), old_replies_address=f"replies@{FIRST_DOMAIN}"
    )
    return relay


@pytest.fixture
def lost_relay(relay: Relay, config: DomainConfig) -> Relay:
    """The same, while the source is away."""
    relay.predecessor = Lookup(replace(config, source_database_url=NOWHERE))
    return relay


def back(relay: Relay, config: DomainConfig) -> None:
    """The source can be read again, and the job runs."""
    relay.predecessor = Lookup(config)
    look_up_held(relay.ports(), relay.now)
    relay.release_held()


def test_a_mask_that_was_made_a_moment_ago_gets_its_mail(
    relay: Relay, website: FirefoxRelay
) -> None:
    website.add_mask(website.add_owner("ann@home.example"), "new", description="Shop")

    assert relay.arrive(f"new@{SECOND_DOMAIN}") == EXISTING
    assert relay.forwarded()[0].recipient == "ann@home.example"
    assert RandomMask.objects.get().label == "Shop"


def test_a_domain_mask_blocks_what_it_blocks_there(relay: Relay, website: FirefoxRelay) -> None:
    """Without a look there, the mail would make it anew."""
    ann = website.add_owner("ann@home.example", name="ann", account=PREMIUM)
    website.add_domain_mask(ann, "club", enabled=False)

    assert relay.arrive(f"club@ann.{SECOND_DOMAIN}") == (Blocked(BlockReason.BLOCKS_ALL),)
    assert relay.arrive(f"other@ann.{SECOND_DOMAIN}") == (Forwarded(ForwardReason.NEW_MASK),)


def test_a_mask_that_nobody_has_is_nobodys(relay: Relay, website: FirefoxRelay) -> None:
    website.add_mask(website.add_owner("ann@home.example"), "new")

    assert relay.arrive(f"none@{SECOND_DOMAIN}") == UNKNOWN
    assert relay.arrive(f"new@{FIRST_DOMAIN}") == UNKNOWN
    assert relay.arrive(f"none@nobody.{SECOND_DOMAIN}") == UNKNOWN
    assert not Profile.objects.exists()


def test_while_the_source_is_away_mail_to_unknown_masks_is_held(
    lost_relay: Relay, config: DomainConfig, website: FirefoxRelay
) -> None:
    relay = lost_relay
    ann = website.add_owner("ann@home.example", name="ann", account=PREMIUM)
    website.add_mask(ann, "new")
    website.add_domain_mask(ann, "club", enabled=False)
    addresses = (f"new@{SECOND_DOMAIN}", f"none@{SECOND_DOMAIN}", f"club@ann.{SECOND_DOMAIN}")

    assert [relay.arrive(one) for one in addresses] == [HELD] * 3
    relay.pass_time(timedelta(days=1))
    look_up_held(relay.ports(), relay.now)
    relay.tidy_held()
    assert HeldMail.objects.filter(state="held").count() == 3

    back(relay, config)

    assert [mail.recipient for mail in relay.forwarded()] == ["ann@home.example"]
    ended = HeldMail.objects.order_by("pk").values_list("outcome", "outcome_reason")
    assert list(ended) == [
        ("forwarded", "existing_mask"),
        ("nomask", "unknown"),
        ("blocked", "blocks_all"),
    ]
    assert DomainMask.objects.get().blocked == 1


def test_known_masks_need_no_source(lost_relay: Relay, website: FirefoxRelay) -> None:
    website.add_mask(website.add_owner("ann@home.example"), "old")
    call_command("import_relay")

    assert lost_relay.arrive(f"old@{SECOND_DOMAIN}") == EXISTING


@pytest.mark.usefixtures("website")
def test_after_a_failure_nobody_tries_for_a_while(config: DomainConfig) -> None:
    """Each try may take seconds of a worker's thread."""
    clock = [100.0]
    lookup = Lookup(replace(config, source_database_url=NOWHERE), clock=lambda: clock[0])
    relay = Relay(predecessor=lookup)
    relay.with_policy(mask_domains=(SECOND_DOMAIN,))
    relay.arrive(f"one@{SECOND_DOMAIN}")
    lookup._config = config
    lookup._local.source._url = config.source_database_url

    assert relay.arrive(f"two@{SECOND_DOMAIN}") == HELD
    clock[0] += 5
    assert relay.arrive(f"three@{SECOND_DOMAIN}") == UNKNOWN


def reply(relay: Relay, *to: str, quoted: str = ID) -> Any:
    """The owner answers a mail that Firefox Relay forwarded."""
    headers = {
        "From": "ann@home.example",
        "In-Reply-To": f"<{quoted}@eu-west-1.amazonses.com>",
        "Message-ID": f"<{os.urandom(8).hex()}@home.example>",
    }
    raw = "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\nHi.\r\n"
    addresses = to or (f"replies@{FIRST_DOMAIN}",)
    return relay.arrive(*addresses, raw=raw.encode(), headers=headers, source="ann@home.example")


FIELDS = {"from": "Bob <bob@sender.example>", "reply-to": "desk@sender.example"}
SENT = (Replied(ReplyReason.PREMIUM),)


@pytest.mark.parametrize("is_imported", [True, False])
@pytest.mark.parametrize("kind", ["random", "domain"])
def test_a_mail_that_was_forwarded_before_can_be_answered(
    kind: str, is_imported: bool, relay: Relay, website: FirefoxRelay, config: DomainConfig
) -> None:
    """The record is here after an import, or still there."""
    ann = website.add_owner("ann@home.example", name="ann", account=PREMIUM)
    if kind == "random":
        website.add_reply(ID, mask=website.add_mask(ann, "shop"), fields=FIELDS)
    else:
        website.add_reply(ID, domain_mask=website.add_domain_mask(ann, "club"), fields=FIELDS)
    if is_imported:
        call_command("import_relay")
        relay.predecessor = Lookup(replace(config, source_database_url=None))

    assert reply(relay) == SENT
    (sent,) = relay.mailer.sent
    assert sent.recipient == "desk@sender.example"
    mask = f"shop@{SECOND_DOMAIN}" if kind == "random" else f"club@ann.{SECOND_DOMAIN}"
    assert sent.sender == mask


def test_a_reply_of_no_thread_is_dropped_and_told(relay: Relay, website: FirefoxRelay) -> None:
    website.add_owner("ann@home.example", account=PREMIUM)
    call_command("import_relay")

    assert reply(relay, quoted="0100-unknown") == (Dropped(DropReason.UNKNOWN_THREAD),)
    assert relay.notices() == ["reply_unknown_thread"]


def test_side_by_side_a_reply_of_no_thread_is_left_but_not_without_end(
    relay: Relay, website: FirefoxRelay
) -> None:
    website.add_owner("ann@home.example", account=PREMIUM)
    call_command("import_relay")
    left = iter([True, True])
    relay.may_leave = lambda _: next(left, False)

    for _ in range(2):
        with pytest.raises(ReplyLeft):
            reply(relay, quoted="0100-unknown")
    assert reply(relay, quoted="0100-unknown") == (Dropped(DropReason.UNKNOWN_THREAD),)


def test_a_mail_to_others_besides_is_not_left(relay: Relay, website: FirefoxRelay) -> None:
    """The other system would forward it to them once more."""
    website.add_mask(website.add_owner("ann@home.example", account=PREMIUM), "shop")
    relay.may_leave = lambda _: True

    outcomes = reply(relay, f"replies@{FIRST_DOMAIN}", f"shop@{SECOND_DOMAIN}", quoted="0100-no")

    assert outcomes == (Dropped(DropReason.UNKNOWN_THREAD), *EXISTING)


def test_imported_records_are_removed_when_they_are_old(
    relay: Relay, website: FirefoxRelay
) -> None:
    ann = website.add_owner("ann@home.example", account=PREMIUM)
    website.add_reply(ID, mask=website.add_mask(ann, "shop"), fields=FIELDS)
    call_command("import_relay")

    assert remove_old_imported_replies(now(), timedelta(days=30)) == 0
    assert remove_old_imported_replies(now() + timedelta(days=31), timedelta(days=30)) == 1
    relay.predecessor = Lookup(replace(relay_config(relay), source_database_url=None))
    assert reply(relay) == (Dropped(DropReason.UNKNOWN_THREAD),)


def relay_config(relay: Relay) -> DomainConfig:
    assert isinstance(relay.predecessor, Lookup)
    return relay.predecessor._config
