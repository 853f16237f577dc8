"""A held mail is released once, oldest first, and decided anew."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from emails.models import Delivery, Profile, RandomMask
from emails.store import held
from emails.store.held import KEPT_AFTER_FORWARDING
from emails.values.outcomes import HeldReason
from tests.integration.emails.conftest import RAW, Relay, a_domain_mask, an_owner
from tests.integration.emails.releasing.conftest import HOUR, MASK, ended, hold, row


def test_a_released_mail_is_forwarded_and_then_deleted_from_s3(
    relay: Relay, owner: Profile
) -> None:
    held.release([hold(relay)])

    relay.release_held()
    relay.release_held()

    (sent,) = relay.mailer.sent
    assert (sent.sender, sent.recipient) == (MASK, "ann@owner.example")
    assert b"Good morning." in sent.raw
    assert ended() == ("ended", "forwarded", "existing_mask")
    assert RandomMask.objects.get().forwarded == 1
    assert len(relay.mail_store.mails) == 1
    relay.now += KEPT_AFTER_FORWARDING - timedelta(seconds=1)
    relay.tidy_held()
    assert len(relay.mail_store.mails) == 1, "it may still bounce"
    relay.now += timedelta(seconds=1)
    relay.tidy_held()
    assert relay.mail_store.mails == {}
    assert row().state == "cleared"


def test_what_nobody_released_stays(relay: Relay, owner: Profile) -> None:
    hold(relay)

    relay.release_held()
    relay.tidy_held()

    assert relay.mailer.sent == []
    assert row().state == "held"
    assert list(relay.mail_store.mails.values()) == [RAW]


def test_an_owners_mails_are_released_oldest_first(relay: Relay, owner: Profile) -> None:
    ids = []
    for number in range(4):
        ids.append(hold(relay, RAW.replace(b"Hello", b"No. %d" % number)))
        relay.now += HOUR
    held.release(reversed(ids))  # type: ignore[arg-type]

    relay.release_held()

    subjects = [sent.raw.partition(b"Subject: ")[2][:5] for sent in relay.mailer.sent]
    assert subjects == [b"No. 0", b"No. 1", b"No. 2", b"No. 3"]


def test_all_are_released_when_their_reason_is_gone(relay: Relay, owner: Profile) -> None:
    hold(relay)
    owner.blocks_spam = False
    owner.save()

    held.release_all(owner.pk, HeldReason.SPAM)
    relay.release_held()

    assert ended() == ("ended", "forwarded", "existing_mask")


def test_a_mail_whose_reason_is_not_gone_after_all_is_held_again(
    relay: Relay, owner: Profile
) -> None:
    hold(relay)

    for _ in range(2):
        assert held.release_all(owner.pk, HeldReason.SPAM) == 1
        relay.release_held()

    assert relay.mailer.sent == []
    assert (row().state, row().reason, row().releases) == ("held", "spam", 2)
    assert Delivery.objects.filter(outcome="held").count() == 3
    held.release([row().pk])
    relay.release_held()
    assert len(relay.mailer.sent) == 1


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        (lambda mask: mask.profile.user.delete(), ("nomask", "deleted")),
        (lambda mask: mask.delete(), ("nomask", "deleted")),
    ],
)
def test_a_released_mail_is_decided_anew(
    relay: Relay, owner: Profile, change: Callable[[RandomMask], object], outcome: tuple[str, str]
) -> None:
    held.release([hold(relay)])
    change(RandomMask.objects.get())

    relay.release_held()
    relay.tidy_held()

    assert relay.mailer.sent == []
    assert ended() == ("cleared", *outcome)
    assert relay.mail_store.mails == {}


def test_a_mail_that_is_released_by_itself_is_blocked_if_its_mask_is(
    relay: Relay, owner: Profile
) -> None:
    hold(relay)
    RandomMask.objects.update(block="all")
    Profile.objects.update(blocks_spam=False)
    held.release_all(owner.pk, HeldReason.SPAM)

    relay.release_held()

    assert ended() == ("ended", "blocked", "blocks_all")


@pytest.mark.parametrize("block", ["all", "promotions"])
def test_who_releases_a_mail_gets_it_though_its_mask_is_blocked(
    relay: Relay, owner: Profile, block: str
) -> None:
    """The page says that it is on its way."""
    Profile.objects.update(is_premium=True)
    held.release([hold(relay, b"List-Id: <news.shop.example>\r\n" + RAW)])
    RandomMask.objects.update(block=block)

    relay.release_held()

    assert ended() == ("ended", "forwarded", "existing_mask")


def test_a_loop_is_still_seen_in_the_mails_own_header(relay: Relay, owner: Profile) -> None:
    raw = b"X-Mail-Relay-Loop: 1\r\n" + RAW
    held.release([hold(relay, raw)])

    relay.release_held()

    assert ended() == ("ended", "dropped", "loop")


def test_a_mail_that_would_make_a_mask_makes_it_when_it_is_released(relay: Relay) -> None:
    an_owner(is_premium=True, subdomain="ann", blocks_spam=True)
    held.release([hold(relay, to="shop@ann.masks.example")])

    relay.release_held()

    assert ended() == ("ended", "forwarded", "new_mask")
    assert relay.mailer.sent[0].sender == "shop@ann.masks.example"


def test_a_mask_that_came_meanwhile_is_used(relay: Relay) -> None:
    profile = an_owner(is_premium=True, subdomain="ann", blocks_spam=True)
    held.release([hold(relay, to="shop@ann.masks.example")])
    a_domain_mask(profile)

    relay.release_held()

    assert ended() == ("ended", "forwarded", "existing_mask")
