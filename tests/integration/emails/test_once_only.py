"""P2: a mail is sent at most once per recipient, whatever fails and however often it comes.

LESSONS 1, 2 (failures keep the mail), 11 (sending twice), 13 (bounces and complaints: see
test_feedback.py)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, connections
from django.test.utils import CaptureQueriesContext

from emails.errors import NotFinished, Refused
from emails.models import AbuseCounter, Delivery, RandomMask, Reply
from emails.once import SendInDoubt
from emails.outcomes import (
    Blocked,
    BlockReason,
    Forwarded,
    ForwardReason,
    RefuseReason,
    RetryReason,
)
from tests.integration.emails.conftest import Relay, a_mask, an_owner

FORWARDED = Forwarded(ForwardReason.EXISTING_MASK)
THROTTLED = NotFinished(RetryReason.SENDER_THROTTLED)
ID = "5ed1a2a2-0000-4000-8000-000000000001"


def arrive(relay: Relay, *to: str, key: str = "key-1") -> Any:
    return relay.arrive(*(to or ("x7k2@masks.example",)), key=key, sns_message_id=ID)


def test_a_notification_that_comes_again_sends_nothing_and_fetches_nothing(relay: Relay) -> None:
    a_mask(an_owner())

    first = arrive(relay)
    relay.now += timedelta(days=1)
    again = arrive(relay)

    assert first == again == (FORWARDED,)
    assert len(relay.mailer.sent) == len(relay.mail_store.fetched) == 1
    assert RandomMask.objects.get().forwarded == 1
    # The object may have been left by the first attempt; so it is deleted each time.
    assert relay.mail_store.mails == {}


def test_when_ses_has_had_enough_everybody_slows_down(relay: Relay) -> None:
    a_mask(an_owner())
    relay.mailer.fails_for["ann@owner.example"] = THROTTLED

    with pytest.raises(NotFinished):
        arrive(relay)

    assert relay.pace.slowed_down == 1


@pytest.mark.parametrize("error", [THROTTLED, ConnectionError()])
def test_a_mail_whose_turn_did_not_come_is_sent_by_the_next_attempt(
    relay: Relay, error: Exception
) -> None:
    """Nothing was given to SES, so nothing is in doubt."""
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
    "failure", [THROTTLED, Refused(RefuseReason.SEND_REJECTED), ValueError("a bug")]
)
def test_a_failure_for_one_recipient_does_not_stop_the_others(
    relay: Relay, failure: Exception
) -> None:
    a_mask(an_owner("ann@owner.example"))
    a_mask(an_owner("eve@owner.example"), "y8m3")
    relay.mailer.fails_for["ann@owner.example"] = failure

    with pytest.raises((NotFinished, Refused)):
        arrive(relay, "x7k2@masks.example", "y8m3@masks.example")

    assert [mail.recipient for mail in relay.mailer.sent] == ["eve@owner.example"]
    assert len(relay.mail_store.mails) == 1


def test_of_several_failures_the_one_that_asks_for_a_retry_is_raised(relay: Relay) -> None:
    a_mask(an_owner("ann@owner.example"))
    a_mask(an_owner("eve@owner.example"), "y8m3")
    relay.mailer.fails_for["ann@owner.example"] = Refused(RefuseReason.SEND_REJECTED)
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


def test_a_mail_that_cannot_be_discarded_is_discarded_at_the_next_attempt_and_not_sent_again(
    relay: Relay,
) -> None:
    a_mask(an_owner())
    relay.mail_store.delete_fails = [NotFinished(RetryReason.MAIL_STORE_UNAVAILABLE)]

    with pytest.raises(NotFinished):
        arrive(relay)
    assert len(relay.mail_store.mails) == 1

    arrive(relay)
    assert relay.mail_store.mails == {}
    assert len(relay.mailer.sent) == 1


@pytest.mark.parametrize("failure", [SendInDoubt(), ValueError("no answer that we know")])
def test_a_send_without_an_answer_is_in_doubt_and_not_tried_again(
    relay: Relay, failure: Exception
) -> None:
    """LESSONS 11: SES may have sent it."""
    a_mask(an_owner())
    relay.mailer.fails = [failure]

    for days in range(3):
        relay.now += timedelta(days=days)
        with pytest.raises(Refused) as refused:
            arrive(relay)
        assert refused.value.reason == "send_in_doubt"

    assert relay.mailer.sent == []
    assert len(relay.mail_store.mails) == 1
    assert Delivery.objects.get().state == "in_doubt"


class TimeIsOver(BaseException):
    """As a worker's time limit raises it: anywhere."""


def test_an_attempt_that_is_interrupted_while_sending_is_in_doubt(relay: Relay) -> None:
    a_mask(an_owner())
    relay.mailer.fails = [TimeIsOver()]

    with pytest.raises(TimeIsOver):
        arrive(relay)

    assert Delivery.objects.get().state == "in_doubt"


def test_a_worker_that_died_is_taken_over_when_its_claim_runs_out_and_not_before(
    relay: Relay,
) -> None:
    a_mask(an_owner())
    store = relay.edges().store
    store.claim(ID, "received", "x7k2@masks.example", relay.now)

    relay.now += relay.policy.claim - timedelta(seconds=1)
    with pytest.raises(NotFinished) as failure:
        arrive(relay)
    assert failure.value.reason == "claimed_elsewhere"

    relay.now += timedelta(seconds=1)
    assert arrive(relay) == (FORWARDED,)
    assert len(relay.mailer.sent) == 1


def test_a_claim_outlives_the_longest_attempt() -> None:
    from django.conf import settings

    from emails.tasks import policy_of

    longest = timedelta(seconds=settings.CONFIG.max_seconds_per_message)
    assert policy_of(settings.CONFIG).claim > longest


def test_a_mask_deleted_while_its_mail_is_sent_does_not_send_it_again(
    transactional_db: None,
) -> None:
    relay = Relay()
    mask = a_mask(an_owner())
    relay.mailer.meanwhile = lambda: mask.delete() and None  # type: ignore[func-returns-value]

    assert arrive(relay) == (FORWARDED,)

    assert len(relay.mailer.sent) == 1
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.outcome) == ("finished", "forwarded")


def test_an_attempt_that_is_interrupted_after_the_send_does_not_send_again(
    transactional_db: None,
) -> None:
    relay = Relay()
    a_mask(an_owner())

    def interrupt(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "emails_abusecounter" in sql:
            raise TimeIsOver
        return execute(sql, params, many, context)

    with connection.execute_wrapper(interrupt), pytest.raises(TimeIsOver):
        arrive(relay)
    relay.now += timedelta(days=1)

    assert arrive(relay) == (FORWARDED,)
    assert len(relay.mailer.sent) == 1


def test_an_outcome_that_could_not_be_recorded_is_reached_at_the_next_attempt_at_once(
    transactional_db: None,
) -> None:
    """Nothing was sent, so the next attempt need not wait for the claim to run out."""
    relay = Relay()
    a_mask(an_owner(), block="all")

    with connection.execute_wrapper(Flaky(failures=1)), pytest.raises(NotFinished):
        arrive(relay)

    assert arrive(relay) == (Blocked(BlockReason.BLOCKS_ALL),)


def test_a_mask_that_is_deleted_while_its_mail_is_sent_has_no_reply_and_the_mail_still_counts(
    transactional_db: None,
) -> None:
    relay = Relay()
    mask = a_mask(an_owner())
    relay.mailer.meanwhile = mask.delete

    assert arrive(relay) == (FORWARDED,)

    assert Delivery.objects.get().state == "finished"
    assert AbuseCounter.objects.get().mails == 1
    assert Reply.objects.count() == 0


def test_what_was_recorded_by_another_meanwhile_is_not_counted_again(
    transactional_db: None,
) -> None:
    """A claim that ran out was taken over, and both have sent: that is the gap, counted once."""
    relay = Relay()
    a_mask(an_owner())

    def take_over() -> None:
        relay.mailer.meanwhile = lambda: None
        relay.now += timedelta(days=1)
        arrive(relay)

    relay.mailer.meanwhile = take_over

    arrive(relay)

    assert len(relay.mailer.sent) == 2
    assert (RandomMask.objects.get().forwarded, AbuseCounter.objects.get().mails) == (1, 1)
    assert Reply.objects.count() == 1


class Flaky:
    """A database that is away for the next `failures` statements that write an outcome."""

    def __init__(self, failures: int) -> None:
        self.failures = failures

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        told = params.values() if isinstance(params, dict) else params or ()
        if self.failures and "emails_delivery" in sql and "finished" in told:
            self.failures -= 1
            raise OperationalError("the server closed the connection")
        return execute(sql, params, many, context)


def test_a_database_that_goes_away_after_the_send_is_waited_for(transactional_db: None) -> None:
    relay = Relay()
    a_mask(an_owner())

    with connection.execute_wrapper(Flaky(failures=1)):
        assert arrive(relay) == (FORWARDED,)

    assert relay.slept == [0.1]
    assert len(relay.mailer.sent) == 1
    assert Delivery.objects.get().state == "finished"
    assert Reply.objects.count() == 1


def test_a_database_that_stays_away_after_the_send_leaves_a_refusal_with_its_reason(
    transactional_db: None,
) -> None:
    relay = Relay()
    a_mask(an_owner())

    with connection.execute_wrapper(Flaky(failures=1000)), pytest.raises(Refused) as refused:
        arrive(relay)

    assert refused.value.reason == "sent_not_recorded"
    assert sum(relay.slept) > 15
    # Nobody sends it again at once: the claim still holds.
    with pytest.raises(NotFinished):
        arrive(relay)
    assert len(relay.mailer.sent) == 1


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
    relay.now += timedelta(days=1)
    assert arrive(relay) == (FORWARDED,)
    assert len(relay.mailer.sent) == 1
    assert RandomMask.objects.get().forwarded == 1


def test_fifty_forwards_at_once_count_fifty(transactional_db: None) -> None:
    """LESSONS 23: nothing is read, changed and saved."""
    relay = Relay()
    a_mask(an_owner())

    def attempt(_: int) -> object:
        try:
            return relay.arrive("x7k2@masks.example")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(attempt, range(50))) == {(FORWARDED,)}

    assert RandomMask.objects.get().forwarded == 50
    counter = AbuseCounter.objects.get()
    assert (counter.mails, counter.bytes) == (50, sum(len(one.raw) for one in relay.mailer.sent))
    assert Delivery.objects.filter(state="finished").count() == 50
    assert len(relay.mailer.sent) == 50


def test_no_transaction_is_open_while_a_mail_is_sent(transactional_db: None) -> None:
    relay = Relay()
    a_mask(an_owner())
    was_open: list[bool] = []
    relay.mailer.meanwhile = lambda: was_open.append(connection.in_atomic_block)

    arrive(relay)

    assert was_open == [False]


def test_a_forwarded_mail_costs_three_statements(transactional_db: None) -> None:
    """A claim, a look at mask and owner, a record; and no transaction around any of them."""
    relay = Relay()
    a_mask(an_owner())

    with CaptureQueriesContext(connection) as queries:
        arrive(relay)

    assert len(queries) == 3, [query["sql"] for query in queries]
