"""A database that is slow, locked or gone: the attempt ends in time, and the next one works."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from emails.models import Delivery
from emails.store import claims
from emails.store.database import raises_not_finished
from emails.values.deliveries import Claim, ClaimResult
from emails.values.errors import NotFinished
from emails.values.outcomes import RetryReason
from tests.unit.emails.builders import NOW

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
    return claims.claim("sns-1", "received", "x7k2@masks.example", NOW, lasts)


def not_finished() -> RetryReason:
    with pytest.raises(NotFinished) as caught:
        claim()
    return RetryReason(caught.value.reason)


@pytest.mark.parametrize(("name", "value"), [("statement_timeout", "15s"), ("lock_timeout", "10s")])
def test_postgresql_itself_ends_what_takes_too_long(name: str, value: str) -> None:
    """A worker's own time limit can't interrupt a wait within the database's driver."""
    assert shown(name) == value


@pytest.mark.timeout(30)
def test_a_row_that_another_has_locked_is_waited_for_only_so_long(
    other: BaseDatabaseWrapper,
) -> None:
    claims.release(a_claim(), NOW)
    other.set_autocommit(False)
    with other.cursor() as cursor:
        cursor.execute("SELECT * FROM emails_delivery FOR UPDATE")
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '50ms'")

    assert not_finished() is RetryReason.DATABASE_UNAVAILABLE

    other.rollback()
    assert isinstance(claim(), Claim)


@pytest.mark.timeout(30)
def test_a_query_that_runs_too_long_is_ended() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '50ms'")

    with pytest.raises(NotFinished):
        fetched("SELECT pg_sleep(60)")


def test_a_connection_that_broke_costs_one_attempt(other: BaseDatabaseWrapper) -> None:
    """The broken connection is closed, so that the next call opens another."""
    first = fetched("SELECT pg_backend_pid()")
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [first])

    assert not_finished() is RetryReason.DATABASE_UNAVAILABLE

    assert isinstance(claim(), Claim)
    assert fetched("SELECT pg_backend_pid()") != first
    assert Delivery.objects.count() == 1


def a_claim() -> Claim:
    claimed = claim()
    assert isinstance(claimed, Claim)
    return claimed
