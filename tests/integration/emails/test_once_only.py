"""P2: a mail is sent at most once per recipient, whatever fails and however often it comes.

Lessons 1, 2 (failures keep the mail), 11 (sending twice), 13 (bounces and complaints: see
test_feedback.py)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections

from emails.models import Delivery, RandomMask
from emails.values.deliveries import SendInDoubt
from emails.values.errors import NotFinished, Refused
from emails.values.outcomes import RefuseReason, RetryReason
from tests.integration.emails.conftest import FORWARDED, Relay, TimeIsOver, a_mask, an_owner, arrive

THROTTLED = NotFinished(RetryReason.SENDER_THROTTLED)


def test_a_redelivered_notification_sends_nothing_and_fetches_nothing(relay: Relay) -> None:
    a_mask(an_owner())

    first = arrive(relay)
    relay.pass_time(timedelta(days=1))
    again = arrive(relay)

    assert first == again == (FORWARDED,)
    assert len(relay.mailer.sent) == len(relay.mail_store.fetched) == 1
    assert RandomMask.objects.get().forwarded == 1
    # The object may have been left by the first attempt; so it is deleted each time.
    assert relay.mail_store.mails == {}


def test_when_ses_throttles_all_workers_slow_down(relay: Relay) -> None:
    a_mask(an_owner())
    relay.mailer.fails_for["ann@owner.example"] = THROTTLED

    with pytest.raises(NotFinished):
        arrive(relay)

    assert relay.pace.slowed_down == 1


@pytest.mark.parametrize("error", [THROTTLED, ConnectionError()])
def test_a_mail_whose_turn_did_not_come_is_sent_by_the_next_attempt(
    relay: Relay, error: Exception
) -> None:
    """SES got nothing, so nothing is in doubt."""
    a_mask(an_owner())
    relay.pace.fails = [error]

    with pytest.raises(type(error)):
        arrive(relay)
    assert arrive(relay) == (FORWARDED,)
    assert len(relay.mailer.sent) == 1


def test_a_retry_sends_only_what_is_missing_and_the_mail_stays_until_all_is_settled(
    relay: Relay,
) -> None:
    a_mask(an_owner("ann@owner.example"))
    a_mask(an_owner("eve@owner.example"), "y8m3")
    both = ("x7k2@masks.example", "y8m3@masks.example")
    relay.mailer.fails_for["ann@owner.example"] = THROTTLED

    with pytest.raises(NotFinished) as failure:
        arrive(relay, *both)
    assert failure.value.reason == "sender_throttled"
    assert [mail.recipient for mail in relay.mailer.sent] == ["eve@owner.example"]
    assert len(relay.mail_store.mails) == 1

    relay.mailer.fails_for.clear()
    assert arrive(relay, *both) == (FORWARDED, FORWARDED)
    assert [mail.recipient for mail in relay.mailer.sent] == [
        "eve@owner.example",
        "ann@owner.example",
    ]
    assert relay.mail_store.mails == {}


@pytest.mark.parametrize(
    "failure", [THROTTLED, Refused(RefuseReason.UNUSABLE_ADDRESS), ValueError("a bug")]
)
def test_a_failure_for_one_recipient_does_not_stop_the_others(
    relay: Relay, failure: Exception
) -> None:
    a_mask(an_owner("ann@owner.example"))
    a_mask(an_owner("eve@owner.example"), "y8m3")
    relay.mailer.fails_for["ann@owner.example"] = failure

    with pytest.raises(type(failure)):
        arrive(relay, "x7k2@masks.example", "y8m3@masks.example")

    assert [mail.recipient for mail in relay.mailer.sent] == ["eve@owner.example"]
    assert len(relay.mail_store.mails) == 1


def test_of_several_failures_one_that_is_retried_is_raised(relay: Relay) -> None:
    a_mask(an_owner("ann@owner.example"))
    a_mask(an_owner("eve@owner.example"), "y8m3")
    relay.mailer.fails_for["ann@owner.example"] = Refused(RefuseReason.UNUSABLE_ADDRESS)
    relay.mailer.fails_for["eve@owner.example"] = THROTTLED

    with pytest.raises(NotFinished):
        arrive(relay, "x7k2@masks.example", "y8m3@masks.example")


@pytest.mark.parametrize(
    "failure",
    [NotFinished(RetryReason.MAIL_STORE_UNAVAILABLE), Refused(RefuseReason.MAIL_STORE_REJECTED)],
)
def test_a_mail_that_cannot_be_fetched_now_is_forwarded_at_the_next_attempt(
    relay: Relay, failure: Exception
) -> None:
    a_mask(an_owner())
    relay.mail_store.fails = [failure]

    with pytest.raises(type(failure)):
        arrive(relay)

    assert arrive(relay) == (FORWARDED,)
    assert len(relay.mailer.sent) == 1


def test_a_mail_that_cannot_be_deleted_ends_like_any_other_and_is_not_sent_again(
    relay: Relay,
) -> None:
    """The bucket's expiry deletes it."""
    a_mask(an_owner())
    relay.mail_store.delete_fails = [NotFinished(RetryReason.MAIL_STORE_UNAVAILABLE)]

    assert arrive(relay) == (FORWARDED,)
    assert len(relay.mail_store.mails) == 1

    assert arrive(relay) == (FORWARDED,)
    assert len(relay.mailer.sent) == 1


def test_a_fault_of_our_own_before_the_send_leaves_no_doubt(relay: Relay) -> None:
    """A change in botocore put every mail in doubt, though nothing was sent."""
    a_mask(an_owner())
    relay.mailer.fails = [ValueError("unexpected request body")]

    with pytest.raises(ValueError, match="unexpected"):
        arrive(relay)

    assert arrive(relay) == (FORWARDED,)


def test_a_send_without_an_answer_is_in_doubt_and_not_retried(relay: Relay) -> None:
    """Lesson 11: SES may have sent it."""
    a_mask(an_owner())
    relay.mailer.fails = [SendInDoubt()]

    for days in range(3):
        relay.pass_time(timedelta(days=days))
        with pytest.raises(Refused) as refused:
            arrive(relay)
        assert refused.value.reason == "send_in_doubt"

    assert relay.mailer.sent == []
    assert len(relay.mail_store.mails) == 1
    assert Delivery.objects.get().state == "in_doubt"


def test_an_attempt_that_is_interrupted_while_sending_is_in_doubt(relay: Relay) -> None:
    a_mask(an_owner())
    relay.mailer.fails = [TimeIsOver()]

    with pytest.raises(TimeIsOver):
        arrive(relay)

    assert Delivery.objects.get().state == "in_doubt"


def test_the_same_notification_in_eight_threads_at_once_sends_one_mail(
    transactional_db: None,
) -> None:
    relay = Relay()
    a_mask(an_owner())

    def attempt(_: int) -> object:
        try:
            return arrive(relay)
        except NotFinished as error:
            return error.reason
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        ends = list(pool.map(attempt, range(8)))

    assert (FORWARDED,) in ends
    assert set(ends) <= {(FORWARDED,), "claimed_elsewhere"}
    relay.pass_time(timedelta(days=1))
    assert arrive(relay) == (FORWARDED,)
    assert len(relay.mailer.sent) == 1
    assert RandomMask.objects.get().forwarded == 1
