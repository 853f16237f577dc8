"""What providers say when they don't take a mail, and what it means: tests/golden/bounces.tsv."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emails.rules.bounce_evidence import judge, says_spam
from emails.values.mailboxes import BounceMeaning
from emails.values.notifications import BouncedRecipient
from tests.bounce_table import ROWS, Row

SOURCES = {
    "gmail": "https://support.google.com/a/answer/3726730",
    "outlook": "https://sendersupport.olc.protection.outlook.com/pm/troubleshooting",
    "m365": "https://learn.microsoft.com/exchange/mail-flow-best-practices/"
    "non-delivery-reports-in-exchange-online/non-delivery-reports-in-exchange-online",
    "exchange": "https://learn.microsoft.com/exchange/mail-flow/"
    "non-delivery-reports-and-bounce-messages/ndr-procedures",
    "yahoo": "https://senders.yahooinc.com/smtp-error-codes/",
    "gmx": "https://postmaster.gmx.net/en/error-messages",
    "icloud": "https://support.apple.com/102322",
    "proton": "https://www.postfix.org/postconf.5.html (Proton's servers answer as Postfix does)",
    "postfix": "https://www.postfix.org/DEBUG_README.html and postconf.5.html",
    "exim": "https://www.exim.org/exim-html-current/doc/html/spec_html/ch-access_control_lists.html",
    "ironport": "https://docs.aws.amazon.com/ses/latest/dg/notification-examples.html",
    "ses": "https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html#bounce-types",
    "simulator": "https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html",
    "rfc": "RFC 3463, RFC 3464, RFC 5321 (4.2.3), RFC 7505",
}


def a_bounce(row: Row) -> BouncedRecipient:
    return BouncedRecipient("ann@owner.example", row.status, row.action, row.diagnostic)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.source}-{row.status}")
def test_what_a_provider_says_is_understood(row: Row) -> None:
    assert judge(row.kind, row.subkind, a_bounce(row)) is row.expected


def test_every_row_says_where_its_wording_is_from() -> None:
    assert {row.source for row in ROWS} == SOURCES.keys()
    assert len(ROWS) > 80


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.source}-{row.status}")
def test_the_status_in_the_diagnostic_counts_like_sess_field(row: Row) -> None:
    """SES leaves `status` out for some servers."""
    if row.status and row.status in row.diagnostic:
        without = BouncedRecipient("ann@owner.example", "", row.action, row.diagnostic)

        assert judge(row.kind, row.subkind, without) is row.expected


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
    assert says_spam(diagnostic) is expected


@given(st.text(), st.text(), st.builds(BouncedRecipient, st.just("x"), *[st.text()] * 3))
def test_whatever_a_server_says_has_a_meaning(
    kind: str, subkind: str, recipient: BouncedRecipient
) -> None:
    assert judge(kind, subkind, recipient) in BounceMeaning


@pytest.mark.parametrize(
    "text", ["user " * 400, "5." * 999, "a.b" * 700, "550 5" * 400, "://" * 600]
)
def test_a_hostile_diagnostic_costs_no_time(text: str) -> None:
    judge("Permanent", "General", BouncedRecipient("ann@owner.example", "", "failed", text * 100))
