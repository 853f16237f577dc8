"""A sent mail is recorded once, whatever happens between SES's answer and the record (P2)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, ProgrammingError, connection, connections
from django.test.utils import CaptureQueriesContext

from emails.models import Delivery, RandomMask, Reply, SenderCounter
from emails.store.reply_records import derive
from emails.values.errors import NotFinished, Refused
from emails.values.outcomes import Blocked, BlockReason, RetryReason
from tests.integration.emails.conftest import (
    FORWARDED,
    SECRET,
    Relay,
    TimeIsOver,
    a_mask,
    an_owner,
    arrive,
)


def test_an_owner_deleted_while_a_mail_is_sent_does_not_send_it_again(
    transactional_db: None,
) -> None:
    """Nobody is left to count it for, but it was sent."""
    relay = Relay()
    owner = an_owner()
    a_mask(owner)
    relay.mailer.meanwhile = lambda: owner.delete() and None

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
        if "INSERT INTO emails_sendercounter" in sql:
            raise TimeIsOver
        return execute(sql, params, many, context)

    with connection.execute_wrapper(interrupt), pytest.raises(TimeIsOver):
        arrive(relay)
    relay.now += timedelta(days=1)

    assert arrive(relay) == (FORWARDED,)
    assert len(relay.mailer.sent) == 1


def test_the_next_attempt_records_an_outcome_that_could_not_be_recorded(
    transactional_db: None,
) -> None:
    """Nothing was sent, so the next attempt need not wait for the claim to expire."""
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
    relay.mailer.meanwhile = lambda: mask.delete() and None

    assert arrive(relay) == (FORWARDED,)

    assert Delivery.objects.get().state == "finished"
    assert SenderCounter.objects.get().mails == 1
    assert Reply.objects.count() == 0


def test_a_delivery_that_another_worker_recorded_meanwhile_is_not_counted_again(
    transactional_db: None,
) -> None:
    """An expired claim was taken over and both workers sent: the known gap, counted once."""
    relay = Relay()
    a_mask(an_owner())

    def take_over() -> None:
        relay.mailer.meanwhile = lambda: None
        relay.pass_time(timedelta(days=1))
        arrive(relay)

    relay.mailer.meanwhile = take_over

    arrive(relay)

    assert len(relay.mailer.sent) == 2
    assert (RandomMask.objects.get().forwarded, SenderCounter.objects.get().mails) == (1, 1)
    assert Reply.objects.count() == 1


class Flaky:
    """A database that is away for the next `failures` statements that write an outcome."""

    def __init__(self, failures: int) -> None:
        self.failures = failures

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        values = params.values() if isinstance(params, dict) else params or ()
        if self.failures and "emails_delivery" in sql and "finished" in values:
            self.failures -= 1
            raise OperationalError("the server closed the connection")
        return execute(sql, params, many, context)


def test_recording_waits_for_a_database_that_goes_away_after_the_send(
    transactional_db: None,
) -> None:
    relay = Relay()
    a_mask(an_owner())

    with connection.execute_wrapper(Flaky(failures=1)):
        assert arrive(relay) == (FORWARDED,)

    assert relay.slept == [0.1]
    assert len(relay.mailer.sent) == 1
    assert Delivery.objects.get().state == "finished"
    assert Reply.objects.count() == 1


def test_a_mail_that_could_not_be_recorded_is_noted_and_recorded_by_the_next_attempt(
    transactional_db: None,
) -> None:
    """The next attempt doesn't wait for the claim to expire, and sends nothing."""
    relay = Relay()
    a_mask(an_owner())

    with connection.execute_wrapper(Flaky(failures=2)), pytest.raises(NotFinished) as failure:
        arrive(relay)

    assert failure.value.reason == "database_unavailable"
    assert sum(relay.slept) < 1
    assert Delivery.objects.get().state == "claimed"
    assert arrive(relay) == (FORWARDED,)
    assert len(relay.mailer.sent) == 1
    assert (RandomMask.objects.get().forwarded, SenderCounter.objects.get().mails) == (1, 1)
    # The owner's reply finds its thread by SES's id.
    assert Reply.objects.get().lookup == derive("0100-0001", SECRET).lookup


def test_a_sent_mail_is_not_sent_again_though_its_record_fails_again_and_again(
    transactional_db: None,
) -> None:
    relay = Relay()
    a_mask(an_owner())

    for days in range(4):
        relay.pass_time(timedelta(days=days))
        with connection.execute_wrapper(Flaky(failures=2)), pytest.raises(NotFinished):
            arrive(relay)

    assert arrive(relay) == (FORWARDED,)
    assert len(relay.mailer.sent) == 1


def test_a_sent_mail_is_not_sent_again_though_the_attempt_that_records_it_fails(
    transactional_db: None,
) -> None:
    """A claim that is released means that nothing was sent: this one must not be."""
    relay = Relay()
    a_mask(an_owner())
    with connection.execute_wrapper(Flaky(failures=2)), pytest.raises(NotFinished):
        arrive(relay)
    relay.mail_store.fails = [NotFinished(RetryReason.MAIL_STORE_UNAVAILABLE)]

    with pytest.raises(NotFinished):
        arrive(relay)

    assert arrive(relay) == (FORWARDED,)
    assert len(relay.mailer.sent) == 1


def test_a_sent_mail_that_can_never_be_recorded_is_not_sent_again(transactional_db: None) -> None:
    relay = Relay()
    a_mask(an_owner())

    def break_it(execute: Any, sql: str, *others: Any) -> Any:
        if "finished" in sql or sql.startswith("UPDATE"):
            raise ProgrammingError("the table has no such column")
        return execute(sql, *others)

    with connection.execute_wrapper(break_it), pytest.raises(ProgrammingError):
        arrive(relay)

    relay.pass_time(timedelta(days=1))
    assert arrive(relay) == (FORWARDED,)
    assert len(relay.mailer.sent) == 1


def test_an_attempt_at_a_fresh_delivery_asks_for_no_note(relay: Relay) -> None:
    a_mask(an_owner())

    arrive(relay)
    arrive(relay)

    assert relay.send_notes.asked == 0


def test_a_database_that_stays_away_after_the_send_leaves_a_refusal_if_redis_is_away_too(
    transactional_db: None,
) -> None:
    relay = Relay()
    a_mask(an_owner())
    relay.send_notes.is_away = True

    with connection.execute_wrapper(Flaky(failures=1000)), pytest.raises(Refused) as refused:
        arrive(relay)

    assert refused.value.reason == "sent_not_recorded"
    assert sum(relay.slept) > 15
    # Nobody sends it again at once: the claim still holds.
    with pytest.raises(NotFinished):
        arrive(relay)
    assert len(relay.mailer.sent) == 1


def test_fifty_forwards_at_once_count_fifty(transactional_db: None) -> None:
    """Lesson 23: nothing is read, changed and saved."""
    relay = Relay()
    a_mask(an_owner())

    def attempt(_: int) -> object:
        try:
            return relay.arrive("x7k2@masks.example")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(attempt, range(50))) == {(FORWARDED,)}

    mask, counter = RandomMask.objects.get(), SenderCounter.objects.get()
    size = sum(len(one.raw) for one in relay.mailer.sent)
    assert (mask.forwarded, mask.mails_that_day, mask.bytes_that_day) == (50, 50, size)
    assert (counter.mails, counter.bytes) == (50, size)
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
