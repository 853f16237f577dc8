"""What bounces and complaints lead to."""

from dataclasses import replace
from typing import Any

import pytest

from emails.rules import bounce, complaint
from emails.values.facts import Block, OwnerFacts, SentKind
from emails.values.outcomes import RecordReason
from tests.unit.emails.builders import MASK, OWNER

TOO_LARGE = "552 5.3.4 message too large"
SPAM = "550 5.7.1 This message looks like SPAM."


@pytest.mark.parametrize(
    ("kind", "subkind", "diagnostic", "expected"),
    [
        ("Permanent", "General", "550 no such user", RecordReason.HARD_BOUNCE),
        ("Permanent", "NoEmail", SPAM, RecordReason.HARD_BOUNCE),
        ("Permanent", "Suppressed", "", RecordReason.HARD_BOUNCE),
        ("Permanent", "OnAccountSuppressionList", "", RecordReason.HARD_BOUNCE),
        ("permanent", "", "", RecordReason.HARD_BOUNCE),
        ("Permanent", "UnsubscribedRecipient", "", RecordReason.BOUNCE_NOT_ABOUT_MAILBOX),
        ("Transient", "General", "451 try later", RecordReason.SOFT_BOUNCE),
        ("Transient", "MailboxFull", "", RecordReason.SOFT_BOUNCE),
        # Lesson 6: only bounces about the mailbox pause it.
        ("Transient", "MessageTooLarge", TOO_LARGE, RecordReason.BOUNCE_NOT_ABOUT_MAILBOX),
        ("Transient", "ContentRejected", "", RecordReason.BOUNCE_NOT_ABOUT_MAILBOX),
        ("Transient", "AttachmentRejected", "", RecordReason.BOUNCE_NOT_ABOUT_MAILBOX),
        ("Undetermined", "Undetermined", "", RecordReason.BOUNCE_NOT_ABOUT_MAILBOX),
        ("Permanent", "General", SPAM, RecordReason.BOUNCED_AS_SPAM),
        ("Transient", "ContentRejected", SPAM, RecordReason.BOUNCED_AS_SPAM),
    ],
)
def test_what_a_bounce_leads_to(
    kind: str, subkind: str, diagnostic: str, expected: RecordReason
) -> None:
    assert bounce.judge(kind, subkind, diagnostic, OWNER, SentKind.FORWARD) is expected


@pytest.mark.parametrize(
    ("owner", "sent", "expected"),
    [
        (None, SentKind.FORWARD, RecordReason.UNKNOWN_RECIPIENT),
        (None, SentKind.REPLY, RecordReason.REPLY_BOUNCED),
        (OWNER, SentKind.REPLY, RecordReason.REPLY_BOUNCED),
        (OWNER, SentKind.NOTICE, RecordReason.HARD_BOUNCE),
        (OWNER, SentKind.UNKNOWN, RecordReason.HARD_BOUNCE),
    ],
)
def test_whose_bounce_counts(
    owner: OwnerFacts | None, sent: SentKind, expected: RecordReason
) -> None:
    assert bounce.judge("Permanent", "General", "", owner, sent) is expected


@pytest.mark.parametrize(
    ("diagnostic", "expected"),
    [
        ("554 rejected as spam by content filter", True),
        ("554 5.7.1 Spam detected", True),
        ("550 (SPAM)", True),
        # Lesson 21: block lists are about hosts.
        ("554 blocked, see https://www.spamhaus.example/query/ip/192.0.2.1", False),
        ("554 listed at zen.spamhaus.org", False),
        ("554 blocked using bl.spamcop.net; https://example.net/spam/why", False),
        ("554 rejected by SpamAssassin's host list", False),
        ("550 no such user", False),
        ("", False),
        ("spamspam" * 1000, False),
    ],
)
def test_a_diagnostic_that_says_spam(diagnostic: str, expected: bool) -> None:
    assert bounce.says_spam(diagnostic) is expected


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
        ({"feedback": "not-spam"}, RecordReason.COMPLAINT_NOT_ABOUT_SPAM),
        ({"feedback": "auth-failure"}, RecordReason.COMPLAINT_NOT_ABOUT_SPAM),
        ({"subkind": "OnAccountSuppressionList"}, RecordReason.COMPLAINT_NOT_ABOUT_SPAM),
        ({"owner": BLOCKING, "sent": SentKind.REPLY}, RecordReason.REPLY_COMPLAINT),
    ],
)
def test_what_a_complaint_leads_to(changes: dict[str, Any], expected: RecordReason) -> None:
    given: dict[str, Any] = {
        "feedback": "abuse",
        "subkind": "",
        "owner": OWNER,
        "mask": MASK,
        "sent": SentKind.FORWARD,
    } | changes

    assert complaint.judge(**given) is expected
