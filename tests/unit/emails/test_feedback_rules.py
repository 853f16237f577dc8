"""What bounces and complaints lead to."""

from dataclasses import replace
from typing import Any

import pytest

from emails.rules import bounce, complaint
from emails.values.attribution import Attribution
from emails.values.facts import Block, SentKind
from emails.values.mailboxes import BounceMeaning
from emails.values.outcomes import RecordReason
from tests.unit.emails.builders import MASK, OWNER

FORWARD = Attribution(SentKind.FORWARD, OWNER, MASK, is_current_address=True)


@pytest.mark.parametrize(
    ("meaning", "expected"),
    [
        (BounceMeaning.GONE, RecordReason.HARD_BOUNCE),
        (BounceMeaning.UNREACHABLE, RecordReason.SOFT_BOUNCE),
        (BounceMeaning.MAIL_REFUSED, RecordReason.BOUNCE_NOT_ABOUT_MAILBOX),
        (BounceMeaning.REFUSED_AS_SPAM, RecordReason.BOUNCED_AS_SPAM),
        (BounceMeaning.NOT_FINAL, RecordReason.BOUNCE_NOT_FINAL),
        (BounceMeaning.AUTOMATIC_ANSWER, RecordReason.AUTOMATIC_ANSWER),
    ],
)
def test_what_a_bounce_leads_to(meaning: BounceMeaning, expected: RecordReason) -> None:
    assert bounce.judge(meaning, FORWARD) is expected


@pytest.mark.parametrize(
    ("meaning", "expected"),
    [
        (BounceMeaning.GONE, RecordReason.REPLY_BOUNCED),
        (BounceMeaning.UNREACHABLE, RecordReason.REPLY_BOUNCED),
        (BounceMeaning.MAIL_REFUSED, RecordReason.REPLY_BOUNCED),
        (BounceMeaning.REFUSED_AS_SPAM, RecordReason.REPLY_BOUNCED),
        (BounceMeaning.NOT_FINAL, RecordReason.BOUNCE_NOT_FINAL),
        (BounceMeaning.AUTOMATIC_ANSWER, RecordReason.AUTOMATIC_ANSWER),
    ],
)
def test_a_reply_that_is_late_or_was_answered_did_not_bounce(
    meaning: BounceMeaning, expected: RecordReason
) -> None:
    assert bounce.judge(meaning, replace(FORWARD, kind=SentKind.REPLY)) is expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"owner": None}, RecordReason.UNKNOWN_RECIPIENT),
        ({"owner": None, "kind": SentKind.REPLY}, RecordReason.REPLY_BOUNCED),
        ({"kind": SentKind.REPLY}, RecordReason.REPLY_BOUNCED),
        ({"kind": SentKind.NOTICE}, RecordReason.HARD_BOUNCE),
        ({"kind": SentKind.UNKNOWN}, RecordReason.HARD_BOUNCE),
        ({"is_current_address": False}, RecordReason.BOUNCE_OF_FORMER_ADDRESS),
    ],
)
def test_whose_bounce_counts(changes: dict[str, Any], expected: RecordReason) -> None:
    assert bounce.judge(BounceMeaning.GONE, replace(FORWARD, **changes)) is expected


def test_a_notice_that_bounces_as_spam_says_nothing_of_what_strangers_send() -> None:
    notice = replace(FORWARD, kind=SentKind.NOTICE, mask=None)

    reason = bounce.judge(BounceMeaning.REFUSED_AS_SPAM, notice)

    assert reason is RecordReason.BOUNCE_NOT_ABOUT_MAILBOX


def test_a_bounce_that_is_not_about_the_mailbox_counts_for_a_former_address_too() -> None:
    former = replace(FORWARD, is_current_address=False)

    assert bounce.judge(BounceMeaning.MAIL_REFUSED, former) is RecordReason.BOUNCE_NOT_ABOUT_MAILBOX


BLOCKING = replace(OWNER, blocks_spam=True)
DISABLED = replace(MASK, block=Block.ALL)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, RecordReason.SPAM_BLOCKING_ON),
        ({"feedback": ""}, RecordReason.SPAM_BLOCKING_ON),
        ({"mask": None}, RecordReason.SPAM_BLOCKING_ON),
        ({"owner": BLOCKING}, RecordReason.MASK_DISABLED),
        ({"owner": BLOCKING, "mask": DISABLED}, RecordReason.MASK_ALREADY_DISABLED),
        ({"owner": BLOCKING, "mask": None}, RecordReason.COMPLAINT_WITHOUT_MASK),
        ({"owner": None}, RecordReason.UNKNOWN_RECIPIENT),
        ({"is_current_address": False}, RecordReason.SPAM_BLOCKING_ON),
        ({"feedback": "not-spam"}, RecordReason.COMPLAINT_NOT_ABOUT_SPAM),
        ({"feedback": "auth-failure"}, RecordReason.COMPLAINT_NOT_ABOUT_SPAM),
        ({"subkind": "OnAccountSuppressionList"}, RecordReason.COMPLAINT_NOT_ABOUT_SPAM),
        ({"owner": BLOCKING, "kind": SentKind.REPLY}, RecordReason.REPLY_COMPLAINT),
        ({"kind": SentKind.NOTICE}, RecordReason.NOTICE_COMPLAINT),
        ({"owner": BLOCKING, "kind": SentKind.NOTICE}, RecordReason.NOTICE_COMPLAINT),
        ({"owner": None, "kind": SentKind.NOTICE}, RecordReason.UNKNOWN_RECIPIENT),
    ],
)
def test_what_a_complaint_leads_to(changes: dict[str, Any], expected: RecordReason) -> None:
    terms = {"feedback": "abuse", "subkind": ""}
    terms |= {name: changes[name] for name in changes if name in terms}
    about = replace(FORWARD, **{name: changes[name] for name in changes if name not in terms})

    assert complaint.judge(**terms, about=about) is expected
