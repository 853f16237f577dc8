"""Claims of workers that died, hang, or seem to: none of their mails is lost or sent twice."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from emails.store import claims
from emails.values.errors import NotFinished
from tests.fakes import FakeMailStore, FakePace, FakePresence
from tests.integration.emails.conftest import (
    FORWARDED,
    SNS_MESSAGE_ID,
    Relay,
    a_mask,
    an_owner,
    arrive,
)
from tests.unit.emails.builders import instant


def test_a_dead_workers_delivery_is_taken_over_when_its_claim_expires_and_not_before(
    relay: Relay,
) -> None:
    a_mask(an_owner())
    recipient, lasts = "x7k2@masks.example", relay.policy.claim_duration
    claims.claim(SNS_MESSAGE_ID, "received", recipient, instant(relay.now), lasts)

    relay.pass_time(lasts - timedelta(seconds=1))
    with pytest.raises(NotFinished) as failure:
        arrive(relay)
    assert failure.value.reason == "claimed_elsewhere"

    relay.pass_time(timedelta(seconds=1))
    assert arrive(relay) == (FORWARDED,)
    assert len(relay.mailer.sent) == 1


@pytest.mark.parametrize("is_taken_over", [True, False])
def test_a_worker_suspended_until_its_claim_expired_does_not_send(
    relay: Relay, is_taken_over: bool
) -> None:
    """On a suspended machine the clock of the time limit stops, too."""
    a_mask(an_owner())

    def stand_still() -> None:
        relay.pace.meanwhile = lambda: None
        relay.pass_time(relay.policy.claim_duration)
        if is_taken_over:
            arrive(relay)

    relay.pace.meanwhile = stand_still

    with pytest.raises(NotFinished) as failure:
        arrive(relay)

    assert failure.value.reason == "claimed_elsewhere"
    assert arrive(relay) == (FORWARDED,)
    assert len(relay.mailer.sent) == 1


@pytest.mark.parametrize("minutes", [-180, -3, 0, 3, 180])
def test_a_worker_whose_clock_is_wrong_sends_nothing_a_second_time(
    relay: Relay, minutes: int
) -> None:
    """Lesson 56: with claims by the workers' clocks, three minutes doubled 196 of 300 mails."""
    a_mask(an_owner())
    other = replace(relay, now=relay.now + timedelta(minutes=minutes), mail_store=FakeMailStore())

    def meanwhile() -> None:
        with pytest.raises(NotFinished) as failure:
            arrive(other)
        assert failure.value.reason == "claimed_elsewhere"

    relay.pace.meanwhile = meanwhile

    assert arrive(relay) == arrive(other) == (FORWARDED,)
    assert len(relay.mailer.sent) == 1


def test_the_machines_clock_is_compared_with_the_databases_at_each_claim(relay: Relay) -> None:
    a_mask(an_owner())
    started = timezone.now()

    arrive(relay)

    ((database, before, after),) = relay.clock_watch.compared
    assert started < database < timezone.now()
    assert before == after == instant(relay.now)


def test_a_claim_outlives_the_longest_attempt() -> None:
    from django.conf import settings

    from emails.wiring import policy_of

    longest = timedelta(seconds=settings.CONFIG.max_seconds_per_message)
    assert policy_of(settings.CONFIG).claim_duration > longest


@pytest.mark.parametrize(
    ("worker", "is_silent", "is_taken"),
    [("dead", True, True), ("dead", False, False), ("", True, False)],
)
def test_the_claim_of_a_worker_that_is_known_to_be_dead_is_taken_over_at_once(
    relay: Relay, worker: str, is_silent: bool, is_taken: bool
) -> None:
    a_mask(an_owner())
    recipient, lasts = "x7k2@masks.example", relay.policy.claim_duration
    claims.claim(SNS_MESSAGE_ID, "received", recipient, instant(relay.now), lasts, worker)
    relay.presence.silent = {"dead", ""} if is_silent else set()

    if is_taken:
        assert arrive(relay) == (FORWARDED,)
    else:
        with pytest.raises(NotFinished):
            arrive(relay)


def test_the_claim_of_a_silent_worker_with_a_connection_is_not_taken_over(
    relay: Relay,
) -> None:
    """It is suspended, and may wake up in its call to SES."""
    a_mask(an_owner())
    with connection.cursor() as cursor:
        cursor.execute("SET application_name = 'suspended'")
    recipient, lasts = "x7k2@masks.example", relay.policy.claim_duration
    claims.claim(SNS_MESSAGE_ID, "received", recipient, instant(relay.now), lasts, "suspended")
    relay.presence.silent = {"suspended"}

    with pytest.raises(NotFinished) as failure:
        arrive(relay)

    assert failure.value.reason == "claimed_elsewhere"


def test_a_worker_that_seemed_dead_and_was_taken_over_does_not_send(relay: Relay) -> None:
    """It was suspended, and its connections were cut meanwhile."""
    a_mask(an_owner())
    relay.presence.name, relay.presence.fresh = "woken", False
    other = replace(relay, presence=FakePresence(), pace=FakePace(), mail_store=FakeMailStore())
    other.presence.name, other.presence.silent = "other", {"woken"}
    relay.pace.meanwhile = lambda: arrive(other)

    with pytest.raises(NotFinished) as failure:
        arrive(relay)

    assert failure.value.reason == "claimed_elsewhere"
    assert len(relay.mailer.sent) == 1


def test_a_worker_that_seems_dead_keeps_its_claim_while_it_sends(relay: Relay) -> None:
    a_mask(an_owner())
    relay.presence.name, relay.presence.fresh = "slow", False
    other = replace(relay, presence=FakePresence(), pace=FakePace(), mail_store=FakeMailStore())
    other.presence.silent = {"slow"}

    def meanwhile() -> None:
        relay.mailer.meanwhile = lambda: None
        with pytest.raises(NotFinished):
            arrive(other)

    relay.mailer.meanwhile = meanwhile

    assert arrive(relay) == (FORWARDED,)
    assert len(relay.mailer.sent) == 1
