"""A claim speaks for one attempt: it undoes nothing of the attempt that took the claim over."""

from datetime import timedelta

import pytest

from emails.models import Delivery, DeliveryState
from emails.store import claims
from emails.values.deliveries import Claim, ClaimedElsewhere, ClaimResult, Finished, InDoubt
from emails.values.outcomes import Blocked, BlockReason, Outcome
from tests.integration.emails.conftest import FORWARDED
from tests.unit.emails.builders import NOW

pytestmark = pytest.mark.django_db

BLOCKED = Blocked(BlockReason.BLOCKS_ALL)
LASTS = timedelta(minutes=1)
LATER = NOW + LASTS


def claim_at(seconds: float) -> ClaimResult:
    now = NOW + timedelta(seconds=seconds)
    return claims.claim("sns-1", "received", "x7k2@masks.example", now, LASTS)


def a_claim(seconds: float = 0) -> Claim:
    claimed = claim_at(seconds)
    assert isinstance(claimed, Claim)
    return claimed


def test_a_claim_that_is_released_can_be_claimed_at_once() -> None:
    claims.release(a_claim(), NOW)

    assert isinstance(claim_at(0), Claim)


def test_a_delivery_in_doubt_is_never_claimed_again() -> None:
    claims.mark_in_doubt(a_claim())

    assert claim_at(1_000_000) == InDoubt()


def test_an_attempt_that_was_taken_over_does_not_release_its_successors_claim() -> None:
    """A third attempt would claim the delivery while the second one is sending."""
    stale = a_claim()
    a_claim(seconds=60)

    claims.release(stale, LATER)

    assert claim_at(61) == ClaimedElsewhere()


def test_an_attempt_that_was_taken_over_does_not_put_its_successors_work_in_doubt() -> None:
    stale = a_claim()
    a_claim(seconds=60)

    claims.mark_in_doubt(stale)

    assert claim_at(61) == ClaimedElsewhere()


@pytest.mark.parametrize("outcome", [FORWARDED, BLOCKED])
def test_a_finished_delivery_stays_finished(outcome: Outcome) -> None:
    claimed = a_claim()
    claims.finish(claimed, outcome, NOW)

    claims.release(claimed, NOW)
    claims.mark_in_doubt(claimed)

    assert claim_at(1_000_000) == Finished(outcome)


def test_a_delivery_in_doubt_is_not_released() -> None:
    claimed = a_claim()
    claims.mark_in_doubt(claimed)

    claims.release(claimed, NOW)

    assert Delivery.objects.get().claimed_until == claimed.until


def test_only_the_first_outcome_counts() -> None:
    claimed = a_claim()

    assert claims.finish(claimed, FORWARDED, NOW) is True
    assert claims.finish(claimed, BLOCKED, LATER) is False

    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.finished_at) == (DeliveryState.FINISHED, NOW)
    assert claim_at(61) == Finished(FORWARDED)


def test_what_an_attempt_did_counts_though_its_claim_was_taken_over() -> None:
    stale = a_claim()
    successor = a_claim(seconds=60)

    assert claims.finish(stale, FORWARDED, LATER) is True
    assert claims.finish(successor, BLOCKED, LATER) is False

    assert claim_at(120) == Finished(FORWARDED)


def test_a_delivery_in_doubt_can_still_be_finished() -> None:
    """An answer that came late is better than a doubt."""
    claimed = a_claim()
    claims.mark_in_doubt(claimed)

    assert claims.finish(claimed, FORWARDED, NOW) is True
    assert claim_at(61) == Finished(FORWARDED)
