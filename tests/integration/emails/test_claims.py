"""A claim speaks for one attempt: it undoes nothing of the attempt that took the claim over."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.db.models import F

from emails.models import Delivery, DeliveryState
from emails.store import claims
from emails.store.database import name_connections
from emails.values.deliveries import NO_END, RELEASED, Claim, ClaimResult, Finished, Unsettled
from emails.values.outcomes import Blocked, BlockReason, Outcome
from tests.integration.emails.conftest import FORWARDED
from tests.unit.emails.builders import NOW, instant

pytestmark = pytest.mark.django_db

BLOCKED = Blocked(BlockReason.BLOCKS_ALL)
LASTS = timedelta(minutes=1)
LATER = NOW + LASTS


def database_time() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
        return now


def claim_after(seconds: float) -> ClaimResult:
    """Claim the delivery when that much time has passed for the database."""
    passed = timedelta(seconds=seconds)
    passing = Delivery.objects.filter(claimed_until__lt=NO_END)
    passing.update(claimed_until=F("claimed_until") - passed)
    return claims.claim("sns-1", "received", "x7k2@masks.example", instant(), LASTS)


def a_claim() -> Claim:
    claimed = claim_after(0)
    assert isinstance(claimed, Claim)
    return claimed


def left_behind(after_seconds: float) -> Unsettled:
    """Return what an attempt finds of an earlier one."""
    found = claim_after(after_seconds)
    assert isinstance(found, Unsettled)
    return found


def taken_over() -> tuple[Claim, Claim]:
    """Return an expired claim, and that of the attempt that took it over."""
    stale = a_claim()
    successor = claims.take_over(left_behind(60), None, instant(), LASTS)
    assert successor is not None
    return stale, successor


def test_the_database_says_how_long_a_claim_lasts() -> None:
    before = database_time()

    claimed = a_claim()

    after = database_time()
    assert before <= claimed.claimed_at <= after
    assert claimed.until - claimed.claimed_at == LASTS
    assert Delivery.objects.get().claimed_until == claimed.until


@pytest.mark.parametrize(("seconds", "is_over"), [(0, False), (59, False), (60, True)])
def test_a_claim_is_over_when_it_has_expired(seconds: float, is_over: bool) -> None:
    claimed = a_claim()

    found = left_behind(seconds)

    assert (found.is_over, found.is_in_doubt) == (is_over, False)
    assert (found.delivery_id, found.reference) == (claimed.delivery_id, claimed.reference)


def test_of_two_attempts_that_take_over_only_one_gets_the_claim() -> None:
    a_claim()
    found = left_behind(60)

    first = claims.take_over(found, None, instant(), LASTS)
    second = claims.take_over(found, None, instant(), LASTS)

    assert first is not None
    assert first.until - first.claimed_at == LASTS
    assert second is None


def test_what_was_finished_meanwhile_is_not_taken_over() -> None:
    claimed = a_claim()
    found = left_behind(60)
    claims.finish(claimed, FORWARDED, NOW)

    assert claims.take_over(found, None, instant(), LASTS) is None
    assert claim_after(0) == Finished(FORWARDED)


def test_a_reference_is_a_number_and_what_no_other_database_gives_that_number() -> None:
    first = a_claim()
    Delivery.objects.update(sns_message_id="sns-2")

    number, _, digits = first.reference.partition("-")

    assert int(number) == first.delivery_id
    assert Delivery.objects.get().recipient.startswith(digits)
    assert len(digits) == 12


def test_a_claim_that_is_released_can_be_claimed_at_once() -> None:
    claims.release(a_claim())

    assert isinstance(claim_after(0), Claim)


def test_a_delivery_in_doubt_is_found_in_doubt() -> None:
    claims.mark_in_doubt(a_claim(), None)

    found = left_behind(1_000_000)
    assert found.is_in_doubt
    assert not found.is_over


def test_a_doubt_ends_by_itself_where_an_event_may_settle_it() -> None:
    claims.mark_in_doubt(a_claim(), timedelta(seconds=60))

    assert [left_behind(seconds).is_over for seconds in (55, 4, 1)] == [False, False, True]
    assert not left_behind(0).is_for_an_operator


def test_what_an_earlier_attempt_left_can_be_put_in_doubt_unless_it_changed_meanwhile() -> None:
    claimed = a_claim()
    found = left_behind(60)

    claims.mark_left_in_doubt(found, timedelta(seconds=30))

    in_doubt = left_behind(0)
    assert (in_doubt.is_in_doubt, in_doubt.is_over) == (True, False)
    claims.finish(claimed, FORWARDED, NOW)
    claims.mark_left_in_doubt(in_doubt, timedelta(seconds=30))
    assert claim_after(0) == Finished(FORWARDED)


def test_a_released_claim_is_known_by_its_end() -> None:
    claimed = a_claim()
    assert not left_behind(60).was_released

    claims.release(replace(claimed, until=left_behind(0).until))

    assert Delivery.objects.get().claimed_until == RELEASED


def test_an_attempt_that_was_taken_over_does_not_release_its_successors_claim() -> None:
    """A third attempt would claim the delivery while the second one is sending."""
    stale, _ = taken_over()

    claims.release(stale)

    assert not left_behind(1).is_over


def test_an_attempt_that_was_taken_over_does_not_put_its_successors_work_in_doubt() -> None:
    stale, _ = taken_over()

    claims.mark_in_doubt(stale, None)

    assert not left_behind(1).is_in_doubt


@pytest.mark.parametrize("outcome", [FORWARDED, BLOCKED])
def test_a_finished_delivery_stays_finished(outcome: Outcome) -> None:
    claimed = a_claim()
    claims.finish(claimed, outcome, NOW)

    claims.release(claimed)
    claims.mark_in_doubt(claimed, None)

    assert claim_after(1_000_000) == Finished(outcome)


def test_a_delivery_that_was_released_and_then_finished_stays_finished() -> None:
    """A successor releases the claim while the attempt that it took over ends."""
    claimed = a_claim()
    claims.release(claimed)
    claims.finish(claimed, FORWARDED, NOW)

    assert claim_after(0) == Finished(FORWARDED)


def test_a_delivery_in_doubt_is_not_released() -> None:
    claimed = a_claim()
    claims.mark_in_doubt(claimed, None)

    claims.release(claimed)

    assert Delivery.objects.get().claimed_until == NO_END


def test_only_the_first_outcome_counts() -> None:
    claimed = a_claim()

    assert claims.finish(claimed, FORWARDED, NOW) is True
    assert claims.finish(claimed, BLOCKED, LATER) is False

    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.finished_at) == (DeliveryState.FINISHED, NOW)
    assert claim_after(61) == Finished(FORWARDED)


def test_what_an_attempt_did_counts_though_its_claim_was_taken_over() -> None:
    stale, successor = taken_over()

    assert claims.finish(stale, FORWARDED, LATER) is True
    assert claims.finish(successor, BLOCKED, LATER) is False

    assert claim_after(120) == Finished(FORWARDED)


def test_a_delivery_in_doubt_can_still_be_finished() -> None:
    """An answer that came late is better than a doubt."""
    claimed = a_claim()
    claims.mark_in_doubt(claimed, None)

    assert claims.finish(claimed, FORWARDED, NOW) is True
    assert claim_after(61) == Finished(FORWARDED)


def test_a_claim_names_its_worker_and_whether_that_is_connected(transactional_db: None) -> None:
    name_connections("worker:here:1:aaaa")
    connection.close()
    try:
        for worker, is_connected in (("worker:here:1:aaaa", True), ("worker:here:1:bbbb", False)):
            Delivery.objects.all().delete()
            claims.claim("sns-1", "received", "x7k2@masks.example", instant(), LASTS, worker)

            found = left_behind(0)

            assert (found.worker, found.is_connected) == (worker, is_connected)
    finally:
        connection.settings_dict["OPTIONS"].pop("application_name")
        connection.close()


def test_who_takes_over_is_named_instead() -> None:
    claims.claim("sns-1", "received", "x7k2@masks.example", instant(), LASTS, "first")

    claims.take_over(left_behind(60), None, instant(), LASTS, "second")

    assert left_behind(0).worker == "second"


def test_a_claim_that_is_kept_names_nobody_who_could_be_dead() -> None:
    claimed = claims.claim("sns-1", "received", "x7k2@masks.example", instant(), LASTS, "first")
    assert isinstance(claimed, Claim)

    assert claims.keep(claimed)

    assert left_behind(0).worker == ""
    claims.take_over(left_behind(60), None, instant(), LASTS, "second")
    assert not claims.keep(claimed)
