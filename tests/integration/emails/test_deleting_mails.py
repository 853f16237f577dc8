"""A settled mail is deleted at once, and whatever happens then, its message needs it no more."""

import pytest

from emails.values.errors import NotFinished, Refused
from emails.values.notifications import StoredMail
from emails.values.outcomes import Outcome, RefuseReason, RetryReason
from tests.integration.emails.conftest import (
    FORWARDED,
    RAW,
    SNS_MESSAGE_ID,
    Relay,
    TimeIsOver,
    a_mask,
    an_owner,
    arrive,
)
from tests.unit.emails.builders import BUCKET, received

pytestmark = pytest.mark.django_db

REPLIES = "replies@masks.example"
KEY = StoredMail(BUCKET, "key-1")
MASK, SPAM_MASK = "x7k2@masks.example", "spam@masks.example"
CASES = {
    "forwarded": ([MASK], "PASS", False, ["forwarded"]),
    "forwarded, its headers only in S3": ([MASK], "PASS", True, ["forwarded"]),
    "held": ([SPAM_MASK], "FAIL", False, ["held"]),
    "held, its headers only in S3": ([SPAM_MASK], "FAIL", True, ["held"]),
    "forwarded and held": ([MASK, SPAM_MASK], "FAIL", False, ["forwarded", "held"]),
    "to no mask": (["none@masks.example"], "PASS", False, ["nomask"]),
    "a reply to nobody": ([REPLIES], "PASS", False, ["dropped"]),
    "a reply to nobody, its headers only in S3": ([REPLIES], "PASS", True, ["dropped"]),
}


@pytest.fixture
def served(relay: Relay) -> Relay:
    """A relay with a mask that takes all, and one of an owner who blocks spam."""
    a_mask(an_owner())
    a_mask(an_owner("bob@owner.example", blocks_spam=True), "spam")
    return relay


def kinds(outcomes: tuple[Outcome, ...]) -> list[str]:
    return [type(outcome).__name__.lower() for outcome in outcomes]


@pytest.mark.parametrize(("to", "spam", "is_truncated", "expected"), CASES.values(), ids=CASES)
def test_an_attempt_after_one_that_died_behind_the_deletion_needs_no_mail(
    served: Relay, to: list[str], spam: str, is_truncated: bool, expected: list[str]
) -> None:
    """It died before it could acknowledge its message, so there is another."""
    document = received(*to, key="key-1", spam=spam)
    document["mail"]["headersTruncated"] = is_truncated
    served.mail_store.mails[KEY] = RAW
    settled = served.notify(document, SNS_MESSAGE_ID)
    sent, kept = len(served.mailer.sent), dict(served.mail_store.mails)
    assert kinds(settled) == expected
    assert KEY not in kept

    again = served.notify(document, SNS_MESSAGE_ID)

    assert again == settled
    assert len(served.mailer.sent) == sent
    assert served.mail_store.mails == kept, "a held mail's copy stays"


def test_an_attempt_after_one_that_died_before_the_deletion_deletes(served: Relay) -> None:
    served.mail_store.delete_fails = [TimeIsOver()]
    with pytest.raises(TimeIsOver):
        arrive(served)
    assert KEY in served.mail_store.mails

    assert served.notify(received(MASK, key="key-1"), SNS_MESSAGE_ID) == (FORWARDED,)

    assert KEY not in served.mail_store.mails
    assert len(served.mailer.sent) == 1


def test_a_mail_stays_until_all_its_recipients_are_settled(served: Relay) -> None:
    served.mailer.fails_for["ann@owner.example"] = NotFinished(RetryReason.SENDER_THROTTLED)
    masks = [MASK, SPAM_MASK]

    with pytest.raises(NotFinished):
        arrive(served, *masks)
    assert KEY in served.mail_store.mails

    served.mailer.fails_for.clear()
    served.notify(received(*masks, key="key-1"), SNS_MESSAGE_ID)
    assert KEY not in served.mail_store.mails
    assert len(served.mailer.sent) == 2


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (NotFinished(RetryReason.MAIL_STORE_UNAVAILABLE, "AccessDenied"), "AccessDenied"),
        (NotFinished(RetryReason.MAIL_STORE_THROTTLED), "mail_store_throttled"),
        (Refused(RefuseReason.MAIL_STORE_REJECTED, "InvalidRequest"), "InvalidRequest"),
    ],
)
def test_a_mail_that_s3_does_not_delete_is_settled_all_the_same_and_said(
    served: Relay, caplog: pytest.LogCaptureFixture, failure: Exception, reason: str
) -> None:
    served.mail_store.delete_fails = [failure]

    assert arrive(served) == (FORWARDED,)

    (line,) = [one for one in caplog.records if one.message == "mails not deleted"]
    assert (line.__dict__["count"], line.__dict__["reason"]) == (1, reason)
    assert KEY in served.mail_store.mails
