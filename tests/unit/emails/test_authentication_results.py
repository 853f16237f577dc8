"""What we say about a forwarded mail's author: RFC 8601."""

from typing import Any

import pytest

from emails.rules.authentication_results import authentication_results
from emails.values.facts import NOT_CHECKED, Header, MailFacts, Verdict
from tests.unit.emails.builders import a_mail

SES = "amazonses.com; dkim=pass header.i=@sender.example; dkim=pass header.i=@amazonses.com"
FROM = {"From": "Bob <bob@sender.example>"}


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (
            {},
            (
                "dmarc=pass header.from=sender.example; spf=pass smtp.mailfrom=mailer.example; "
                "dkim=pass header.d=sender.example; dkim=pass header.d=amazonses.com"
            ),
        ),
        (
            {"dmarc": Verdict.FAIL, "spf": Verdict.GRAY, "dkim": Verdict.FAIL},
            (
                "dmarc=fail header.from=sender.example; spf=none smtp.mailfrom=mailer.example; "
                "dkim=fail"
            ),
        ),
        (
            {"dmarc": Verdict.PROCESSING_FAILED, "spf": Verdict.UNKNOWN, "dkim": Verdict.GRAY},
            "dmarc=temperror header.from=sender.example; dkim=none",
        ),
        (dict.fromkeys(("dmarc", "spf", "dkim"), Verdict.UNKNOWN), "none"),
    ],
)
def test_each_check_of_ses_is_told(verdicts: dict[str, Any], expected: str) -> None:
    mail = a_mail(FROM | {"Authentication-Results": SES}, "b@mailer.example", **verdicts)

    assert "; ".join(authentication_results(mail, "Masks.example")) == f"masks.example; {expected}"


@pytest.mark.parametrize(
    ("author", "source"),
    [
        ("a@x.example, b@y.example", ""),
        ("a@x; dkim=pass", "a@x; dkim=pass"),
        ('"a"@(x.example', "<>"),
        ("a@x.example\r\n dkim=pass", "a@b c=d"),
        ("a@x_=y", "a@-"),
        ("a@" + "x" * 300, "a@" + "y." * 300),
    ],
)
def test_nothing_of_the_senders_gets_into_the_results(author: str, source: str) -> None:
    mail = MailFacts(source, a_mail().verdicts, (Header("From", author),))

    results = authentication_results(mail, "masks.example")

    assert [result.split()[0] for result in results[1:]] == ["dmarc=pass", "spf=pass", "dkim=pass"]
    assert all(";" not in result and "\n" not in result for result in results)
    assert all(len(result) < 300 for result in results)


def test_a_mail_that_was_not_checked_says_so() -> None:
    assert authentication_results(MailFacts("", NOT_CHECKED, ()), "m.example") == (
        "m.example",
        "none",
    )
