"""What a limit held comes from the next day on, and sooner to who asks for it."""

from datetime import timedelta

import pytest

from emails.models import DomainMask, RandomMask
from emails.store import held, held_releases
from emails.values.held import HeldState
from emails.values.outcomes import Held, HeldReason
from tests.integration.emails.conftest import Relay, a_mask, an_owner
from tests.integration.emails.limits.conftest import (
    BORN,
    FORWARDED,
    NO_NEW,
    OF_MASK,
    OF_SENDER,
    arrive,
    flood,
    limit,
    tomorrow,
)
from tests.integration.emails.limits.test_new_mask_limits import a_premium_owner, invent


def test_the_next_day_what_was_held_comes_oldest_first_within_half_a_days_limit(
    relay: Relay,
) -> None:
    a_mask(an_owner())
    limit(relay, mask=4)
    for number in range(10):
        relay.now += timedelta(seconds=1)
        arrive(relay, raw=f"From: b@bank.example\r\nSubject: {number}\r\n\r\nHi".encode())
    assert held_releases.release_after_limits(relay.now) == 0, "it is still the same day"

    tomorrow(relay)

    assert [b"Subject: %d\r" % number in mail.raw for number, mail in enumerate(relay.mailer.sent)]
    assert len(relay.mailer.sent) == 4 + 2
    assert len(held.find_held(reason=HeldReason.MASK_LIMIT)) == 4
    assert held_releases.release_after_limits(relay.now) == 0, "each is tried once a day"
    assert flood(relay, 3) == [FORWARDED, FORWARDED, OF_MASK], "today's mail has room"
    tomorrow(relay)
    tomorrow(relay)
    subjects = [mail.raw.split(b"Subject: ")[1][:1] for mail in relay.mailer.sent[:6]]
    assert subjects == [b"0", b"1", b"2", b"3", b"4", b"5"]
    assert len(held.find_held()) == 1


def test_the_daily_release_takes_the_oldest_of_each_owner(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_releases, "OF_EACH_OWNER", 2)
    a_mask(an_owner())
    a_mask(an_owner("eve@owner.example"), "y8m3")
    limit(relay, mask=1)
    flood(relay, 6)
    flood(relay, 2, to="y8m3@masks.example")
    relay.pass_time(timedelta(days=1))

    assert held_releases.release_after_limits(relay.now) == 3

    releasing = held.find_held(states=[HeldState.RELEASING])
    oldest = held.find_held(states=[HeldState.RELEASING, HeldState.HELD])
    assert {mail.id for mail in oldest[:2]} <= {mail.id for mail in releasing}


def test_who_releases_a_mail_gets_it_whatever_the_limits_say(relay: Relay) -> None:
    a_mask(an_owner())
    limit(relay, mask=2, sender=1)
    assert flood(relay, 2) == [FORWARDED, OF_SENDER]
    assert arrive(relay, "other.example") == FORWARDED

    assert held.release([mail.id for mail in held.find_held()]) == 1
    relay.release_held()

    assert len(relay.mailer.sent) == 3
    assert RandomMask.objects.get().mails_that_day == 3


def test_who_releases_spam_gets_it_though_the_mask_is_over_its_limit(relay: Relay) -> None:
    a_mask(an_owner(blocks_spam=True))
    limit(relay, mask=1)
    assert arrive(relay, spam="FAIL") == Held(HeldReason.SPAM)
    assert arrive(relay) == FORWARDED

    held.release([mail.id for mail in held.find_held()])
    relay.release_held()

    assert len(relay.mailer.sent) == 2


def test_a_released_mail_makes_its_mask_over_the_limit(relay: Relay) -> None:
    a_premium_owner()
    relay.with_policy(max_masks_per_day=1)
    assert invent(relay, 2, "shop.example") == [BORN, NO_NEW]

    held.release([mail.id for mail in held.find_held()])
    relay.release_held()

    assert DomainMask.objects.count() == len(relay.mailer.sent) == 2


def test_operators_see_how_long_the_daily_release_waits(relay: Relay) -> None:
    a_mask(an_owner())
    limit(relay, mask=1)
    flood(relay, 2)
    relay.pass_time(timedelta(days=1))

    held_releases.release_after_limits(relay.now)

    assert held.find_oldest_release() is not None
