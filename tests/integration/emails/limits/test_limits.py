"""Daily limits hold mail. Nobody but its sender and its mask has less because of a flood."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from emails.edges.ports import MailRoom
from emails.models import Profile, RandomMask, SenderCounter
from emails.store import held, retention
from emails.values.errors import NotFinished
from emails.values.facts import Volume
from emails.values.notifications import StoredMail
from emails.values.outcomes import HeldReason, RetryReason
from tests.integration.emails.conftest import Relay, a_mask, an_owner
from tests.integration.emails.limits.conftest import (
    FORWARDED,
    MASK,
    MIB,
    OF_MASK,
    OF_SENDER,
    arrive,
    flood,
    from_,
    limit,
)


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

    def fetch_together(mail: StoredMail, room: MailRoom) -> bytes:
        barrier.wait(10)
        return fetch(mail, room)

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


def test_what_is_blocked_dropped_or_held_uses_up_no_limit(relay: Relay) -> None:
    a_mask(an_owner(blocks_spam=True))
    limit(relay, mask=1)

    for verdict in ({"virus": "FAIL"}, {"spam": "FAIL"}):
        arrive(relay, **verdict)

    assert arrive(relay) == FORWARDED


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
