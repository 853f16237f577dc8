"""A database that is slow, locked or gone: the attempt ends in time, and the next one works."""

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django_dramatiq.middleware import DbConnectionsMiddleware

from emails.models import Delivery
from emails.store import claims
from emails.store.database import raises_not_finished
from emails.values.deliveries import Claim, ClaimResult, SendInDoubt
from emails.values.errors import NotFinished, Refused
from emails.values.outcomes import RefuseReason, RetryReason
from relay.config import RelayConfig
from relay.worker.broker import middleware
from runtime.env import load
from tests.integration.emails.conftest import Relay, a_mask, an_owner, arrive
from tests.unit.emails.builders import instant

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def other() -> Iterator[BaseDatabaseWrapper]:
    """Somebody else's connection to the same database."""
    own = connection.copy()
    yield own
    own.close()


def shown(name: str) -> str:
    return str(fetched(f"SHOW {name}"))


@raises_not_finished
def fetched(statement: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        (value,) = cursor.fetchone()
        return value


def claim() -> ClaimResult:
    lasts = timedelta(minutes=1)
    return claims.claim("sns-1", "received", "x7k2@masks.example", instant(), lasts)


def not_finished() -> RetryReason:
    with pytest.raises(NotFinished) as caught:
        claim()
    return RetryReason(caught.value.reason)


@pytest.mark.parametrize(
    ("name", "value"), [("statement_timeout", "15s"), ("lock_timeout", "500ms")]
)
def test_postgresql_itself_ends_what_takes_too_long(name: str, value: str) -> None:
    """A worker's own time limit can't interrupt a wait within the database's driver."""
    assert shown(name) == value


@pytest.mark.timeout(30)
def test_a_row_that_another_has_locked_is_waited_for_only_so_long(
    other: BaseDatabaseWrapper,
) -> None:
    claims.release(a_claim())
    other.set_autocommit(False)
    with other.cursor() as cursor:
        cursor.execute("SELECT * FROM emails_delivery FOR UPDATE")
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '50ms'")

    assert not_finished() is RetryReason.DATABASE_BUSY

    other.rollback()
    assert isinstance(claim(), Claim)


@pytest.mark.timeout(30)
def test_a_query_that_runs_too_long_is_ended() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '50ms'")

    with pytest.raises(NotFinished):
        fetched("SELECT pg_sleep(60)")


def test_a_database_that_takes_no_writes_is_unavailable() -> None:
    """After a failover, the old connections may lead to a standby."""
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")

    assert not_finished() is RetryReason.DATABASE_UNAVAILABLE

    # That connection was closed, and the next one is writable.
    assert isinstance(claim(), Claim)


def test_a_connection_that_broke_costs_one_attempt(other: BaseDatabaseWrapper) -> None:
    """The broken connection is closed, so that the next call opens another."""
    first = break_connection(other)

    assert not_finished() is RetryReason.DATABASE_UNAVAILABLE

    assert isinstance(claim(), Claim)
    assert fetched("SELECT pg_backend_pid()") != first
    assert Delivery.objects.count() == 1


@pytest.mark.parametrize("hook", ["before_process_message", "after_process_message"])
def test_the_workers_check_the_connection_around_each_message(
    other: BaseDatabaseWrapper, hook: str
) -> None:
    """It may have broken where nobody closes it, as in a periodic job's own query."""
    config = load(RelayConfig, os.environ)
    (check,) = [one for one in middleware(config) if isinstance(one, DbConnectionsMiddleware)]
    first = break_connection(other)
    with pytest.raises(OperationalError):
        Delivery.objects.count()

    getattr(check, hook)(None, None)

    assert fetched("SELECT pg_backend_pid()") != first


def break_connection(other: BaseDatabaseWrapper) -> int:
    """Terminate the server's side of our connection; returns its process id."""
    first = int(fetched("SELECT pg_backend_pid()"))
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
    return first


def a_claim() -> Claim:
    claimed = claim()
    assert isinstance(claimed, Claim)
    return claimed


class Away:
    """A database that is away for the next `failures` statements that name this state."""

    def __init__(self, state: str, failures: int) -> None:
        self.state, self.failures = state, failures

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if self.failures and sql.startswith("UPDATE") and self.state in (params or ()):
            self.failures -= 1
            raise OperationalError("the server closed the connection")
        return execute(sql, params, many, context)


def test_a_database_that_goes_away_while_a_send_is_in_doubt_is_waited_for() -> None:
    """Otherwise the claim would run out, and the mail perhaps be sent twice."""
    relay = Relay()
    a_mask(an_owner())
    relay.mailer.fails = [SendInDoubt()]

    with connection.execute_wrapper(Away("in_doubt", failures=3)), pytest.raises(Refused):
        arrive(relay)

    assert Delivery.objects.get().state == "in_doubt"
    assert relay.slept == [0.1, 0.3, 1.0]


def test_a_doubt_that_could_not_be_noted_leaves_the_claim_as_it_is() -> None:
    """Released, the mail would be sent again at once."""
    relay = Relay()
    a_mask(an_owner())
    relay.mailer.fails = [SendInDoubt()]

    with connection.execute_wrapper(Away("in_doubt", failures=1000)), pytest.raises(Refused):
        arrive(relay)

    with pytest.raises(NotFinished) as caught:
        arrive(relay)
    assert caught.value.reason == RetryReason.CLAIMED_ELSEWHERE
    assert relay.mailer.sent == []


def test_a_claim_that_could_not_be_released_hides_nothing_of_why_the_attempt_failed() -> None:
    relay = Relay()
    a_mask(an_owner())
    relay.mailer.fails = [Refused(RefuseReason.UNUSABLE_ADDRESS)]

    with connection.execute_wrapper(Away("claimed", failures=1)), pytest.raises(Refused) as caught:
        arrive(relay)

    assert caught.value.reason == RefuseReason.UNUSABLE_ADDRESS
