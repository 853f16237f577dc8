"""Held mails are counted once a minute, and whoever serves metrics finds the counts in Redis."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from django.db import OperationalError, connection

from emails.models import MailboxBreaker
from emails.store import held
from emails.values.outcomes import HeldReason
from relay.operations import held_gauges, tasks
from tests.integration.emails.conftest import a_held_mail, an_owner

pytestmark = pytest.mark.django_db


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


def found(client: "redis.Redis") -> dict[str, float]:
    return {gauge.label: gauge.value for gauge in held_gauges.find(client, int(time.time() * 1000))}


def test_each_reason_has_its_count_and_the_age_of_its_oldest(
    wiped_redis: "redis.Redis", now: datetime
) -> None:
    owner = an_owner()
    for days in (1, 3):
        a_held_mail(owner, received_at=now - timedelta(days=days))
    released = a_held_mail(owner, reason="mailbox", received_at=now)
    held.release([released])

    assert found(wiped_redis) == {}
    tasks.publish_gauges()

    gauges = found(wiped_redis)
    assert gauges["held_mails:spam"] == 2
    assert gauges["held_mails:mailbox"] == 1
    assert gauges["held_mails:mask_limit"] == gauges["held_mails_oldest_s:mask_limit"] == 0
    assert gauges["held_mails_oldest_s:spam"] == pytest.approx(3 * 86_400, abs=60)
    assert 0 <= gauges["held_mails_release_s"] < 60
    assert gauges["mailbox_breakers_open"] == 0
    assert gauges.keys() >= {f"held_mails:{reason}" for reason in HeldReason}
    assert wiped_redis.ttl("relay:held-mails") > 0


def test_open_mailbox_breakers_are_counted(wiped_redis: "redis.Redis", now: datetime) -> None:
    MailboxBreaker.objects.create(
        profile=an_owner(),
        address="ann@owner.example",
        meaning="gone",
        opened_at=now,
        wait=timedelta(minutes=10),
        next_probe_at=now,
    )

    tasks.publish_gauges()

    assert found(wiped_redis)["mailbox_breakers_open"] == 1


def test_without_a_database_the_other_gauges_are_published(
    wiped_redis: "redis.Redis", caplog: Any
) -> None:
    def away(*_: object) -> None:
        raise OperationalError

    with connection.execute_wrapper(away):
        tasks.publish_gauges()

    assert found(wiped_redis) == {}
    assert wiped_redis.zcard("relay:gauges") == 1
    assert "held mails not counted" in caplog.text
