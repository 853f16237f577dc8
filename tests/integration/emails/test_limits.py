"""Daily limits hold mail. Nobody but its sender and its mask has less because of a flood."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from emails.models import DomainMask, Profile, RandomMask, SenderCounter
from emails.store import held, held_releases, retention
from emails.values.errors import NotFinished
from emails.values.facts import Volume
from emails.values.held import HeldState, NewMask
from emails.values.notifications import StoredMail
from emails.values.outcomes import Forwarded, ForwardReason, Held, HeldReason, RetryReason
from tests.integration.emails.conftest import Relay, a_domain_mask, a_mask, an_owner

MASK = "x7k2@masks.example"
MIB = 1024 * 1024
FORWARDED = Forwarded(ForwardReason.EXISTING_MASK)
BORN = Forwarded(ForwardReason.NEW_MASK)
OF_MASK, OF_SENDER = Held(HeldReason.MASK_LIMIT), Held(HeldReason.SENDER_LIMIT)
NO_NEW = Held(HeldReason.NEW_MASK_LIMIT)


def from_(domain: str, *, is_proven: bool = True) -> dict[str, Any]:
    """What SES says about a mail of this domain."""
    result = "pass" if is_proven else "fail"
    found = f"amazonses.com; dmarc={result} header.from={domain}"
    headers = {"Authentication-Results": found, "From": f"Bob <bob@{domain}>"}
    return {"headers": headers, "dmarc": result.upper(), "source": f"bob@{domain}"}


def limit(relay: Relay, mask: int = 1000, sender: int = 1000, size: int = 1000 * MIB) -> None:
    relay.with_policy(mask_limit=Volume(mask, size), sender_limit=Volume(sender, size))


def arrive(relay: Relay, domain: str = "bank.example", to: str = MASK, **more: Any) -> object:
    return relay.arrive(to, **(from_(domain) | more))[0]


def flood(relay: Relay, number: int, **more: Any) -> list[object]:
    return [arrive(relay, **more) for _ in range(number)]


def tomorrow(relay: Relay) -> None:
    """Go on to the next day: what was held for limits is released, and comes through the lanes."""
    relay.pass_time(timedelta(days=1))
    held_releases.release_after_limits(relay.now)
    relay.release_held()


def test_over_the_masks_limit_mail_is_held_and_other_masks_get_theirs(relay: Relay) -> None:
    owner = an_owner()
    a_mask(owner)
    a_mask(owner, "bank")
    limit(relay, mask=20)

    outcomes = [arrive(relay, f"{number}.example") for number in range(25)]

    assert outcomes == [FORWARDED] * 20 + [OF_MASK] * 5
    assert arrive(relay, to="bank@masks.example") == FORWARDED
    assert Profile.objects.get().flagged_at is None
    assert len(held.find_held(reason=HeldReason.MASK_LIMIT)) == 5
    assert RandomMask.objects.get(local="x7k2").dropped == 0


def test_over_its_own_limit_a_sender_takes_nothing_from_the_masks_others(relay: Relay) -> None:
    a_mask(an_owner())
    limit(relay, mask=20, sender=5)

    assert flood(relay, 30, domain="shop.example") == [FORWARDED] * 5 + [OF_SENDER] * 25
    assert flood(relay, 5) == [FORWARDED] * 5


def test_a_forged_sender_does_not_use_up_the_real_ones_limit(relay: Relay) -> None:
    a_mask(an_owner())
    limit(relay, sender=3)

    forged = [relay.arrive(MASK, **from_("bank.example", is_proven=False))[0] for _ in range(4)]
    other = relay.arrive(MASK, **from_("other.example", is_proven=False))[0]

    assert forged == [FORWARDED] * 3 + [OF_SENDER]
    assert other == OF_SENDER, "all that isn't authenticated counts together"
    assert arrive(relay) == FORWARDED


def test_a_sender_has_a_limit_for_each_mask(relay: Relay) -> None:
    owner = an_owner()
    a_mask(owner)
    a_mask(owner, "y8m3")
    limit(relay, sender=1)

    assert flood(relay, 2) == [FORWARDED, OF_SENDER]
    assert arrive(relay, to="y8m3@masks.example") == FORWARDED


def test_bytes_are_limited_too(relay: Relay) -> None:
    a_mask(an_owner())
    raw = b"From: b@bank.example\r\n\r\n" + b"x" * MIB
    relay.with_policy(mask_limit=Volume(1000, 3 * MIB), sender_limit=Volume(1000, 5 * MIB))

    outcomes = [arrive(relay, raw=raw) for _ in range(4)]

    assert outcomes == [FORWARDED, FORWARDED, OF_MASK, OF_MASK]
    assert arrive(relay) == FORWARDED, "a small one still fits"


def test_a_day_is_a_utc_day(relay: Relay) -> None:
    a_mask(an_owner())
    limit(relay, mask=1)
    relay.now = datetime(2030, 5, 17, 23, 59, tzinfo=UTC)

    assert flood(relay, 2) == [FORWARDED, OF_MASK]
    relay.now += timedelta(minutes=1)
    assert arrive(relay) == FORWARDED
    relay.now -= timedelta(minutes=1)
    assert arrive(relay) == OF_MASK, "a late clock does not start the day anew"


def test_a_count_never_goes_back_to_an_earlier_day(relay: Relay) -> None:
    a_mask(an_owner())
    relay.now = datetime(2030, 5, 18, tzinfo=UTC)
    arrive(relay)
    relay.now -= timedelta(minutes=1)
    arrive(relay)

    mask = RandomMask.objects.get()
    assert (str(mask.counted_on), mask.mails_that_day) == ("2030-05-18", 2)


@pytest.mark.parametrize("limits", [{"mask": 5}, {"sender": 5}])
def test_no_more_than_the_limit_go_out_however_many_come_at_once(
    transactional_db: None, limits: dict[str, int]
) -> None:
    """All have found room, and then are sent in the same instant."""
    relay, barrier = Relay(), Barrier(8)
    a_mask(an_owner())
    limit(relay, **limits)
    fetch = relay.mail_store.fetch

    def fetch_together(mail: StoredMail) -> bytes:
        barrier.wait(10)
        return fetch(mail)

    def attempt(_: int) -> object:
        try:
            return arrive(relay)
        finally:
            connections.close_all()

    relay.mail_store.fetch = fetch_together  # type: ignore[method-assign]
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(attempt, range(8)))

    assert outcomes.count(FORWARDED) == len(relay.mailer.sent) == 5
    assert len(held.find_held()) == 3
    assert RandomMask.objects.get().mails_that_day == 5


def test_a_retry_keeps_its_place_though_others_took_the_rest(relay: Relay) -> None:
    a_mask(an_owner())
    limit(relay, mask=2)
    relay.mailer.fails = [NotFinished(RetryReason.SENDER_THROTTLED)]
    with pytest.raises(NotFinished):
        arrive(relay, key="k", sns_message_id="first")

    assert flood(relay, 2) == [FORWARDED, OF_MASK]

    assert arrive(relay, key="k", sns_message_id="first") == FORWARDED
    assert RandomMask.objects.get().mails_that_day == 2
    assert {one.mails for one in SenderCounter.objects.all()} == {2}


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


def test_what_is_blocked_dropped_or_held_uses_up_no_limit(relay: Relay) -> None:
    a_mask(an_owner(blocks_spam=True))
    limit(relay, mask=1)

    for verdict in ({"virus": "FAIL"}, {"spam": "FAIL"}):
        arrive(relay, **verdict)

    assert arrive(relay) == FORWARDED


def a_premium_owner() -> Profile:
    return an_owner(is_premium=True, subdomain="ann")


def invent(relay: Relay, number: int, domain: str) -> list[object]:
    return [
        arrive(relay, domain, f"{domain.split('.')[0]}{one}@ann.masks.example")
        for one in range(number)
    ]


def test_a_shops_receipt_makes_a_mask_though_somebody_invented_many_names(relay: Relay) -> None:
    a_premium_owner()
    relay.with_policy(max_masks_per_day=10, max_masks_per_sender=3)

    invented = invent(relay, 20, "evil.example")

    assert invented == [BORN] * 3 + [NO_NEW] * 17
    assert arrive(relay, "shop.example", "shop@ann.masks.example") == BORN
    assert DomainMask.objects.count() == 4
    assert held.find_held()[0].target == NewMask("evil3", "ann.masks.example")


def test_an_owners_limit_of_new_masks_holds_and_existing_ones_go_on(relay: Relay) -> None:
    a_domain_mask(a_premium_owner(), "old")
    relay.with_policy(max_masks_per_day=2, max_masks_per_sender=1)

    assert [invent(relay, 1, f"{name}.example")[0] for name in "abc"] == [BORN, BORN, NO_NEW]
    assert arrive(relay, to="old@ann.masks.example") == FORWARDED

    tomorrow(relay)
    assert DomainMask.objects.filter(local="c0").count() == 1
    assert len(relay.mailer.sent) == 4


def test_a_released_mail_makes_its_mask_over_the_limit(relay: Relay) -> None:
    a_premium_owner()
    relay.with_policy(max_masks_per_day=1)
    assert invent(relay, 2, "shop.example") == [BORN, NO_NEW]

    held.release([mail.id for mail in held.find_held()])
    relay.release_held()

    assert DomainMask.objects.count() == len(relay.mailer.sent) == 2


def test_masks_of_other_days_do_not_count(relay: Relay) -> None:
    owner = a_premium_owner()
    for number in range(60):
        a_domain_mask(owner, f"old{number}")

    assert invent(relay, 1, "shop.example") == [BORN]


def test_far_from_the_limits_a_mail_costs_no_statement_more(transactional_db: None) -> None:
    relay = Relay()
    a_mask(an_owner())

    with CaptureQueriesContext(connection) as far:
        arrive(relay)
    limit(relay, mask=20)
    with CaptureQueriesContext(connection) as near:
        arrive(relay)

    assert (len(far), len(near)) == (3, 4)


def test_counters_of_senders_say_nothing_and_are_removed(relay: Relay) -> None:
    a_mask(an_owner())
    arrive(relay)

    (row,) = SenderCounter.objects.values()
    assert not any(word in str(row) for word in ("bank", "x7k2", "ann"))
    assert retention.remove_old_sender_counters(relay.now + timedelta(days=1)) == 0
    assert retention.remove_old_sender_counters(relay.now + timedelta(days=2)) == 1
