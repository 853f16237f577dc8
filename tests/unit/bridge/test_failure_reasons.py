"""The names of the ways to die."""

import pytest

from bridge.ledger import failure_reasons
from emails.values.errors import NotFinished, Refused
from emails.values.outcomes import RefuseReason


class TimeLimitExceeded(BaseException):
    """As Dramatiq's is named."""


class Talkative(Exception):
    reason = "could not send to ann@owner.example"


@pytest.mark.parametrize(
    ("error", "was_refused", "reason"),
    [
        (Refused(RefuseReason.MAIL_MISSING), True, "refused:mail_missing"),
        (NotFinished("sender_unavailable"), False, "retries_used_up:sender_unavailable"),
        (ValueError("ann@owner.example"), False, "retries_used_up:ValueError"),
        (Talkative(), False, "retries_used_up:Talkative"),
        (TimeLimitExceeded(), False, "time_limit"),
    ],
)
def test_a_failure_is_named_by_fixed_words_only(
    error: BaseException, was_refused: bool, reason: str
) -> None:
    assert failure_reasons.reason_of_failure(error, was_refused=was_refused) == reason


@pytest.mark.parametrize(
    ("wanted", "is_it"),
    [
        ("refused:mail_missing", True),
        ("refused", True),
        ("mail_missing", True),
        ("mail", False),
        ("retries_used_up", False),
    ],
)
def test_a_reason_is_found_whole_or_by_either_of_its_words(wanted: str, is_it: bool) -> None:
    assert failure_reasons.is_reason("refused:mail_missing", wanted) is is_it
