"""What to do with a delivery that an earlier attempt left."""

from dataclasses import replace
from datetime import timedelta

import pytest

from emails.rules.unsettled import Decision, Doubt, GiveUp, TakeOver, Wait, decide
from emails.values.deliveries import BEGUN_SENDS_KEPT, NO_END, RELEASED, SendEvidence, Unsettled
from emails.values.outcomes import RefuseReason, RetryReason
from tests.unit.emails.builders import NOW

ELSEWHERE = Wait(RetryReason.CLAIMED_ELSEWHERE)
FOR_THE_EVENT = Wait(RetryReason.SEND_UNCONFIRMED)
FOR_AN_OPERATOR = GiveUp(RefuseReason.SEND_IN_DOUBT)

DAY = timedelta(days=1)
AGE = timedelta(minutes=3)
WAIT = timedelta(seconds=15)
LATELY = timedelta(seconds=1)

NOTHING = SendEvidence()
SENT = SendEvidence(sent_as="0100-1", has_begun=True, kept_for=DAY, received_ago=LATELY)
BEGUN = SendEvidence(has_begun=True, kept_for=DAY, received_ago=LATELY)
NOT_BEGUN = SendEvidence(kept_for=DAY, received_ago=LATELY)
DELAYED = SendEvidence(
    has_begun=True, kept_for=DAY, received_ago=LATELY, event_delay=timedelta(seconds=20)
)
NOT_TAKING = replace(BEGUN, are_events_late=True)
UNREAD = SendEvidence(has_begun=True, kept_for=DAY)
READ_BEFORE = SendEvidence(has_begun=True, kept_for=DAY, received_ago=timedelta(seconds=20))
WIPED_SINCE = SendEvidence(kept_for=timedelta(minutes=1), received_ago=LATELY)
"""Since a delivery of `AGE`, but not since one that is younger than a minute."""


def left(ends_in: float, *, is_in_doubt: bool = False, age: timedelta = AGE) -> Unsettled:
    """A delivery whose claim or doubt ends in so many seconds."""
    until = NOW + timedelta(seconds=ends_in)
    return Unsettled(1, "1-0", is_in_doubt, until=until, created_at=NOW - age, now=NOW)


def left_until_an_operator_decides() -> Unsettled:
    return Unsettled(1, "1-0", is_in_doubt=True, until=NO_END, created_at=NOW - DAY, now=NOW)


@pytest.mark.parametrize(
    ("found", "evidence", "decision"),
    [
        (left(1), NOTHING, ELSEWHERE),
        (left(0), NOTHING, TakeOver()),
        (left(-1), NOTHING, TakeOver()),
        (left(-1), BEGUN, TakeOver()),
        (left(1), SENT, TakeOver("0100-1")),
        (left(-1), SENT, TakeOver("0100-1")),
        (left(1, is_in_doubt=True), NOTHING, FOR_AN_OPERATOR),
        (left(-1, is_in_doubt=True), NOTHING, FOR_AN_OPERATOR),
        (left_until_an_operator_decides(), NOTHING, FOR_AN_OPERATOR),
        (left(1, is_in_doubt=True), SENT, TakeOver("0100-1")),
        (left_until_an_operator_decides(), SENT, TakeOver("0100-1")),
    ],
)
def test_without_send_events(found: Unsettled, evidence: SendEvidence, decision: Decision) -> None:
    assert decide(found, evidence, found.now - found.created_at, event_wait=None) == decision


@pytest.mark.parametrize(
    ("found", "evidence", "decision"),
    [
        (left(1), BEGUN, ELSEWHERE),
        (left(1), NOT_BEGUN, ELSEWHERE),
        (left(1), SENT, TakeOver("0100-1")),
        (left(-1), SENT, TakeOver("0100-1")),
        (left(-1), BEGUN, Doubt()),
        (left(-1), NOTHING, Doubt()),
        (left(-1), NOT_BEGUN, TakeOver()),
        (left(-1), WIPED_SINCE, Doubt()),
        # Noted so long ago that the note has expired.
        (left(-1, age=BEGUN_SENDS_KEPT), NOT_BEGUN, Doubt()),
        (left(1, is_in_doubt=True), BEGUN, FOR_THE_EVENT),
        (left(1, is_in_doubt=True), NOT_BEGUN, FOR_THE_EVENT),
        (left(1, is_in_doubt=True), SENT, TakeOver("0100-1")),
        (left(0, is_in_doubt=True), BEGUN, TakeOver()),
        # Events take long through the queue now, whatever they took when the mail was sent.
        (left(-19, is_in_doubt=True), DELAYED, FOR_THE_EVENT),
        (left(-20, is_in_doubt=True), DELAYED, TakeOver()),
        # Whatever SES has published since, no bridge has looked for it.
        (left(-4, is_in_doubt=True), READ_BEFORE, FOR_THE_EVENT),
        (left(-5, is_in_doubt=True), READ_BEFORE, TakeOver()),
        (left(-299, is_in_doubt=True), UNREAD, FOR_THE_EVENT),
        (left(-300, is_in_doubt=True), UNREAD, TakeOver()),
        # The event may have come, and be noted again by the bridges.
        (left(0, is_in_doubt=True), WIPED_SINCE, FOR_THE_EVENT),
        (left(0, is_in_doubt=True, age=timedelta(seconds=58)), WIPED_SINCE, TakeOver()),
        (left(0, is_in_doubt=True), NOT_TAKING, FOR_THE_EVENT),
        (left(0, is_in_doubt=True), NOTHING, FOR_THE_EVENT),
        # From before SES published events: nobody can tell.
        (left_until_an_operator_decides(), NOTHING, FOR_AN_OPERATOR),
    ],
)
def test_with_send_events(found: Unsettled, evidence: SendEvidence, decision: Decision) -> None:
    assert decide(found, evidence, found.now - found.created_at, event_wait=WAIT) == decision


@pytest.mark.parametrize(
    ("evidence", "event_wait", "decision"),
    [
        (NOTHING, None, TakeOver()),
        (BEGUN, WAIT, Doubt()),
        (NOT_BEGUN, WAIT, TakeOver()),
        (SENT, WAIT, TakeOver("0100-1")),
    ],
)
def test_what_a_dead_worker_holds_needs_not_expire(
    evidence: SendEvidence, event_wait: timedelta | None, decision: Decision
) -> None:
    found = left(100)

    assert (
        decide(
            found,
            evidence,
            found.now - found.created_at,
            event_wait=event_wait,
            is_orphaned=True,
        )
        == decision
    )


@pytest.mark.parametrize("event_wait", [WAIT, None])
def test_what_was_released_is_taken_at_once(event_wait: timedelta | None) -> None:
    found = Unsettled(1, "1-0", False, until=RELEASED, created_at=NOW - AGE, now=NOW)

    assert decide(found, BEGUN, AGE, event_wait=event_wait) == TakeOver()


@pytest.mark.parametrize(
    ("kept_for", "is_excluded"),
    [(None, False), (AGE, False), (AGE + timedelta(seconds=29), False), (2 * AGE, True)],
)
def test_the_absence_of_a_note_counts_if_redis_kept_all_notes_since_before_the_delivery(
    kept_for: timedelta | None, is_excluded: bool
) -> None:
    assert SendEvidence(kept_for=kept_for).excludes_a_send(AGE) == is_excluded
