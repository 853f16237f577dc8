"""What owners send is reserved before it is sent: never more than the limit, and none is lost."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connections
from django.test import Client

from emails.models import AbuseCounter, AbusePause, Delivery, Profile
from emails.store.reservations import lift_abuse_pause
from emails.values.deliveries import SendInDoubt
from emails.values.errors import NotFinished, Refused
from emails.values.outcomes import (
    Dropped,
    DropReason,
    Forwarded,
    ForwardReason,
    RefuseReason,
    Replied,
    ReplyReason,
    RetryReason,
)
from tests.integration.emails.conftest import Relay, a_mask, an_owner
from tests.integration.emails.replies.conftest import a_forwarded_mail, answer

SENT, FIRST = Replied(ReplyReason.PREMIUM), Replied(ReplyReason.FIRST_REPLY)
OVER, PAUSED = Dropped(DropReason.REPLY_LIMIT), Dropped(DropReason.ABUSE_PAUSE)
NEEDS_PREMIUM = Dropped(DropReason.REPLIES_NEED_PREMIUM)
THROTTLED = NotFinished(RetryReason.SENDER_THROTTLED)
REJECTED = Refused(RefuseReason.SEND_REJECTED)
OWNER = "ann@owner.example"


def replies_sent(relay: Relay) -> int:
    return sum(mail.recipient == "bob@sender.example" for mail in relay.mailer.sent)


def notices_sent(relay: Relay) -> list[bytes]:
    return [mail.raw for mail in relay.mailer.sent[1:] if mail.recipient == OWNER]


def answer_in_the_end(relay: Relay, quoted: str, key: str) -> object:
    """Try again, as the worker does, while another sends the day's notice."""
    for _ in range(1000):
        with suppress(NotFinished):
            return answer(relay, {"In-Reply-To": quoted}, key, key=key)
    raise TimeoutError


def at_once(relay: Relay, quoted: str, number: int) -> list[object]:
    """Handle as many replies, the first eight in the same instant."""
    barrier = Barrier(8)

    def attempt(one: int) -> object:
        try:
            if one < 8:
                barrier.wait(10)
            return answer_in_the_end(relay, quoted, f"r{one}")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(attempt, range(number)))


def test_of_forty_queued_replies_of_a_free_owner_one_goes_out(transactional_db: None) -> None:
    relay = Relay()
    a_mask(an_owner())

    outcomes = at_once(relay, a_forwarded_mail(relay), 40)

    assert (outcomes.count(FIRST), outcomes.count(NEEDS_PREMIUM)) == (1, 39)
    assert replies_sent(relay) == 1


def test_with_a_limit_of_five_five_go_out_and_the_owner_is_told_once(
    transactional_db: None,
) -> None:
    relay = Relay()
    a_mask(an_owner(is_premium=True))
    relay.with_policy(max_replies_per_day=5)

    outcomes = at_once(relay, a_forwarded_mail(relay), 40)

    assert outcomes.count(SENT) == replies_sent(relay) == 5
    assert set(outcomes) <= {SENT, OVER, PAUSED}
    assert AbuseCounter.objects.get().replies == 5
    (notice,) = notices_sent(relay)
    assert b"more replies today" in notice
    pause = AbusePause.objects.get()
    assert (pause.profile, pause.replies, pause.lifted_at) == (Profile.objects.get(), 5, None)


@pytest.mark.parametrize("profile", [{}, {"is_premium": True}])
def test_a_retry_keeps_its_place(relay: Relay, profile: dict[str, Any]) -> None:
    a_mask(an_owner(**profile))
    relay.with_policy(max_replies_per_day=1)
    quoted = a_forwarded_mail(relay)
    relay.mailer.fails = [THROTTLED]
    with pytest.raises(NotFinished):
        answer(relay, {"In-Reply-To": quoted}, "one", key="one")

    # This one finds no place, and pauses a premium owner.
    assert answer(relay, {"In-Reply-To": quoted}, "two", key="two") in (OVER, NEEDS_PREMIUM)

    assert answer(relay, {"In-Reply-To": quoted}, "one", key="one") in (SENT, FIRST)
    assert AbuseCounter.objects.get().replies == 1


@pytest.mark.parametrize(("profile", "sent"), [({}, FIRST), ({"is_premium": True}, SENT)])
def test_a_refusal_gives_the_place_back(
    relay: Relay, profile: dict[str, Any], sent: object
) -> None:
    a_mask(an_owner(**profile))
    relay.with_policy(max_replies_per_day=1)
    quoted = a_forwarded_mail(relay)
    relay.mailer.fails = [REJECTED]
    with pytest.raises(Refused):
        answer(relay, {"In-Reply-To": quoted}, "one", key="one")

    assert AbuseCounter.objects.get().replies == 0
    assert answer(relay, {"In-Reply-To": quoted}, "two", key="two") == sent
    assert answer(relay, {"In-Reply-To": quoted}, "one", key="one") in (OVER, NEEDS_PREMIUM)


def test_a_reply_that_may_have_been_sent_keeps_its_place(relay: Relay) -> None:
    a_mask(an_owner())
    quoted = a_forwarded_mail(relay)
    relay.mailer.fails = [SendInDoubt()]
    with pytest.raises(Refused):
        answer(relay, {"In-Reply-To": quoted}, "one", key="one")

    assert answer(relay, {"In-Reply-To": quoted}, "two", key="two") == NEEDS_PREMIUM


def test_a_place_that_its_reply_no_longer_needs_is_given_back(relay: Relay) -> None:
    owner = an_owner()
    a_mask(owner)
    quoted = a_forwarded_mail(relay)
    relay.mailer.fails = [THROTTLED]
    with pytest.raises(NotFinished):
        answer(relay, {"In-Reply-To": quoted}, "one", key="one")
    type(owner.user).objects.update(is_active=False)

    assert answer(relay, {"In-Reply-To": quoted}, "one", key="one") == Dropped(
        DropReason.DEACTIVATED
    )
    assert Profile.objects.get().first_replied_at is None


def test_a_reply_that_ses_has_is_recorded_though_there_is_no_place(relay: Relay) -> None:
    """Its attempt was begun by a version that reserved nothing."""
    a_mask(an_owner(is_premium=True))
    quoted = a_forwarded_mail(relay)
    relay.mailer.fails = [THROTTLED]
    with pytest.raises(NotFinished):
        answer(relay, {"In-Reply-To": quoted}, "one", key="one")
    unsettled = Delivery.objects.get(state="claimed")
    Delivery.objects.filter(pk=unsettled.pk).update(
        reserved_on=None, claimed_until=relay.now + timedelta(minutes=1)
    )
    relay.send_notes.note_sent(f"{unsettled.pk}-{unsettled.recipient[:12]}", "0100-9")
    relay.with_policy(max_replies_per_day=1)

    assert answer(relay, {"In-Reply-To": quoted}, "one", key="one") == SENT


def test_a_pause_stops_replies_only_and_ends(relay: Relay) -> None:
    a_mask(an_owner(is_premium=True))
    relay.with_policy(max_replies_per_day=1)
    quoted = a_forwarded_mail(relay)

    outcomes = [answer(relay, {"In-Reply-To": quoted}) for _ in range(4)]

    assert outcomes == [SENT, OVER, PAUSED, PAUSED]
    assert relay.arrive("x7k2@masks.example") == (Forwarded(ForwardReason.EXISTING_MASK),)
    relay.pass_time(relay.policy.abuse_pause)
    assert answer(relay, {"In-Reply-To": quoted}) == SENT
    assert AbusePause.objects.count() == 1


def test_every_day_of_a_pause_has_its_notice(relay: Relay) -> None:
    a_mask(an_owner(is_premium=True, language="de"))
    relay.with_policy(max_replies_per_day=1, abuse_pause=timedelta(days=3))
    quoted = a_forwarded_mail(relay)

    for _ in range(3):
        answer(relay, {"In-Reply-To": quoted})
        answer(relay, {"In-Reply-To": quoted})
        relay.pass_time(timedelta(days=1))

    assert len(notices_sent(relay)) == 3
    assert b"Maske" in notices_sent(relay)[0]


def test_a_notice_in_doubt_makes_no_dead_letter_of_each_further_reply(relay: Relay) -> None:
    a_mask(an_owner(is_premium=True))
    relay.with_policy(max_replies_per_day=1)
    quoted = a_forwarded_mail(relay)
    relay.mailer.fails = [None, SendInDoubt()]

    outcomes = [answer(relay, {"In-Reply-To": quoted}) for _ in range(3)]

    assert outcomes == [SENT, OVER, PAUSED]
    assert len(relay.mailer.sent) == 2


def test_whose_pause_is_lifted_can_reply_at_once(relay: Relay) -> None:
    a_mask(an_owner(is_premium=True))
    relay.with_policy(max_replies_per_day=1)
    quoted = a_forwarded_mail(relay)
    assert [answer(relay, {"In-Reply-To": quoted}) for _ in range(2)] == [SENT, OVER]
    pause = AbusePause.objects.get()

    assert [lift_abuse_pause(pause, relay.now) for _ in range(2)] == [True, False]

    assert answer(relay, {"In-Reply-To": quoted}) == SENT


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("op"))
    return client


def test_an_operator_sees_the_pause_and_lifts_it(relay: Relay, admin: Client) -> None:
    a_mask(an_owner(is_premium=True))
    relay.with_policy(max_replies_per_day=1)
    quoted = a_forwarded_mail(relay)
    for _ in range(2):
        answer(relay, {"In-Reply-To": quoted})
    pause = AbusePause.objects.get()

    page = "/admin/emails/abusepause/"
    assert b"Lift the pause" in admin.get(page, secure=True).content
    admin.post(page, {"action": "lift", "_selected_action": [pause.pk]}, secure=True)

    pause.refresh_from_db()
    assert pause.lifted_at is not None
    assert Profile.objects.get().flagged_at is None
