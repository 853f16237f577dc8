"""With SES's `Send` events, a mail that may have been sent is sent once, and nobody must decide."""

from datetime import timedelta

import pytest

from emails.models import Delivery, RandomMask, Reply
from emails.store import claims
from emails.store.reply_records import derive
from emails.values.deliveries import Claim, SendInDoubt
from emails.values.errors import NotFinished, Refused
from emails.values.outcomes import RetryReason
from tests.integration.emails.conftest import (
    FORWARDED,
    SECRET,
    SNS_MESSAGE_ID,
    Relay,
    TimeIsOver,
    a_mask,
    an_owner,
    arrive,
)
from tests.unit.emails.builders import instant

WAIT = timedelta(seconds=60)


@pytest.fixture
def relay(db: None) -> Relay:
    """A relay with a mask, and with events whose notes are a day old."""
    relay = Relay()
    relay.with_policy(send_event_wait=WAIT)
    relay.send_notes.kept_for = timedelta(days=1)
    a_mask(an_owner())
    return relay


def reference() -> str:
    delivery = Delivery.objects.get()
    return f"{delivery.pk}-{delivery.recipient[:12]}"


def confirm(relay: Relay) -> None:
    """Note SES's event, as a bridge does."""
    relay.send_notes.sent[reference()] = "0100-event"


def put_off(relay: Relay) -> str:
    """Let an attempt fail that may work later; return why."""
    with pytest.raises(NotFinished) as failure:
        arrive(relay)
    return str(failure.value.reason)


def a_dead_worker(relay: Relay, *, was_sending: bool) -> None:
    """Leave the claim of a worker that was killed, and let it expire."""
    lasts = relay.policy.claim_duration
    claimed = claims.claim(
        SNS_MESSAGE_ID, "received", "x7k2@masks.example", instant(relay.now), lasts
    )
    assert isinstance(claimed, Claim)
    if was_sending:
        relay.send_notes.note_begun(claimed.reference)
    relay.pass_time(lasts)


def test_each_mail_names_its_delivery_for_the_event(relay: Relay) -> None:
    arrive(relay)

    assert dict(relay.mailer.sent[0].tags)["delivery"] == reference()


def test_a_send_without_an_answer_is_completed_by_its_event(relay: Relay) -> None:
    relay.mailer.fails = [SendInDoubt()]
    assert put_off(relay) == "send_unconfirmed"
    assert Delivery.objects.get().state == "in_doubt"

    confirm(relay)

    assert arrive(relay) == (FORWARDED,)
    assert relay.mailer.sent == []
    assert RandomMask.objects.get().forwarded == 1
    assert Reply.objects.get().lookup == derive("0100-event", SECRET).lookup


def test_a_send_without_an_answer_and_without_an_event_is_sent_again_after_the_wait(
    relay: Relay,
) -> None:
    relay.mailer.fails = [SendInDoubt()]
    put_off(relay)

    relay.pass_time(WAIT - timedelta(seconds=2))
    assert put_off(relay) == "send_unconfirmed"
    relay.pass_time(timedelta(seconds=2))

    assert arrive(relay) == (FORWARDED,)
    assert len(relay.mailer.sent) == 1


def test_the_time_that_events_take_through_the_queue_is_added_to_the_wait(relay: Relay) -> None:
    """Behind a backlog, the event comes later than the retry."""
    relay.send_notes.event_delay = timedelta(minutes=5)
    relay.mailer.fails = [SendInDoubt()]
    put_off(relay)

    relay.pass_time(WAIT + timedelta(minutes=4))
    assert put_off(relay) == "send_unconfirmed"
    relay.pass_time(timedelta(minutes=1))

    assert arrive(relay) == (FORWARDED,)


def test_a_send_that_is_interrupted_is_completed_by_its_event(relay: Relay) -> None:
    relay.mailer.fails = [TimeIsOver()]
    with pytest.raises(TimeIsOver):
        arrive(relay)

    assert put_off(relay) == "send_unconfirmed"
    confirm(relay)

    assert arrive(relay) == (FORWARDED,)
    assert relay.mailer.sent == []


def test_what_a_killed_worker_was_sending_waits_for_its_event(relay: Relay) -> None:
    """Without events this was the known gap: sent again when the claim expires."""
    a_dead_worker(relay, was_sending=True)
    assert put_off(relay) == "send_unconfirmed"

    confirm(relay)

    assert arrive(relay) == (FORWARDED,)
    assert relay.mailer.sent == []


def test_what_a_killed_worker_was_sending_is_sent_again_if_no_event_comes(relay: Relay) -> None:
    a_dead_worker(relay, was_sending=True)
    put_off(relay)

    relay.pass_time(WAIT)

    assert arrive(relay) == (FORWARDED,)
    assert len(relay.mailer.sent) == 1


def test_the_delay_of_events_is_added_for_what_a_killed_worker_was_sending_too(
    relay: Relay,
) -> None:
    relay.send_notes.event_delay = timedelta(minutes=5)
    a_dead_worker(relay, was_sending=True)
    put_off(relay)

    relay.pass_time(WAIT + timedelta(minutes=4))
    assert put_off(relay) == "send_unconfirmed"
    relay.pass_time(timedelta(minutes=1))

    assert arrive(relay) == (FORWARDED,)


def test_what_a_killed_worker_had_not_begun_to_send_is_sent_without_a_wait(relay: Relay) -> None:
    a_dead_worker(relay, was_sending=False)

    assert arrive(relay) == (FORWARDED,)
    assert len(relay.mailer.sent) == 1


@pytest.mark.parametrize("kept_for", [None, timedelta(minutes=1)])
def test_where_redis_was_wiped_meanwhile_the_event_is_waited_for(
    relay: Relay, kept_for: timedelta | None
) -> None:
    a_dead_worker(relay, was_sending=False)
    relay.send_notes.kept_for = kept_for

    assert put_off(relay) == "send_unconfirmed"


def test_nothing_is_sent_that_could_not_be_noted_before(relay: Relay) -> None:
    relay.send_notes.is_away = True

    with pytest.raises(ConnectionError):
        arrive(relay)

    assert relay.mailer.sent == []
    relay.send_notes.is_away = False
    assert arrive(relay) == (FORWARDED,)


def test_an_attempt_that_fails_in_order_is_retried_without_a_wait(relay: Relay) -> None:
    relay.mailer.fails = [NotFinished(RetryReason.SENDER_THROTTLED)]
    assert put_off(relay) == "sender_throttled"

    assert arrive(relay) == (FORWARDED,)


def test_a_doubt_from_before_the_events_is_left_to_the_operator(relay: Relay) -> None:
    relay.with_policy(send_event_wait=None)
    relay.mailer.fails = [SendInDoubt()]
    with pytest.raises(Refused):
        arrive(relay)

    relay.with_policy(send_event_wait=WAIT)
    relay.pass_time(timedelta(days=1))

    with pytest.raises(Refused) as refused:
        arrive(relay)
    assert refused.value.reason == "send_in_doubt"


def test_a_doubt_that_waits_when_the_events_are_turned_off_is_left_to_the_operator(
    relay: Relay,
) -> None:
    relay.mailer.fails = [SendInDoubt()]
    put_off(relay)

    relay.with_policy(send_event_wait=None)
    relay.pass_time(timedelta(days=1))

    with pytest.raises(Refused) as refused:
        arrive(relay)
    assert refused.value.reason == "send_in_doubt"


def test_without_events_nothing_is_noted_before_a_send(relay: Relay) -> None:
    relay.with_policy(send_event_wait=None)

    arrive(relay)

    assert relay.send_notes.begun == set()
