"""What to do with a delivery that an earlier attempt left."""

from datetime import timedelta

import pytest

from emails.rules.unsettled import Decision, GiveUp, TakeOver, Wait, decide
from emails.values.deliveries import SendEvidence, Unsettled
from emails.values.outcomes import RefuseReason, RetryReason
from tests.unit.emails.builders import NOW

ELSEWHERE = Wait(RetryReason.CLAIMED_ELSEWHERE)
FOR_AN_OPERATOR = GiveUp(RefuseReason.SEND_IN_DOUBT)

NOTHING = SendEvidence()
SENT = SendEvidence(sent_as="0100-1")


def left(ends_in: float, *, is_in_doubt: bool = False) -> Unsettled:
    """A delivery whose claim ends in so many seconds."""
    return Unsettled(1, "1-0", is_in_doubt, until=NOW + timedelta(seconds=ends_in), now=NOW)


@pytest.mark.parametrize(
    ("found", "evidence", "decision"),
    [
        (left(1), NOTHING, ELSEWHERE),
        (left(0), NOTHING, TakeOver()),
        (left(-1), NOTHING, TakeOver()),
        (left(1), SENT, TakeOver("0100-1")),
        (left(-1), SENT, TakeOver("0100-1")),
        (left(1, is_in_doubt=True), NOTHING, FOR_AN_OPERATOR),
        (left(-1, is_in_doubt=True), NOTHING, FOR_AN_OPERATOR),
        (left(1, is_in_doubt=True), SENT, TakeOver("0100-1")),
        (left(-1, is_in_doubt=True), SENT, TakeOver("0100-1")),
    ],
)
def test_each_state_has_its_decision(
    found: Unsettled, evidence: SendEvidence, decision: Decision
) -> None:
    assert decide(found, evidence) == decision
