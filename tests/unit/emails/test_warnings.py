"""What a forwarded mail's reader is warned of."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emails.rules.warnings import MailWarning, warnings_about
from emails.values.facts import Header, MailFacts, Verdict
from tests.unit.emails.builders import PASSED, a_mail

FROM = {"From": "Bob <bob@sender.example>"}
SIGNED = "amazonses.com; dkim=pass header.i=@sender.example"
SIGNED_BY_OTHER = "amazonses.com; dkim=pass header.i=@other.example"
PASSED_DMARC = "amazonses.com; dmarc=pass header.from=sender.example"
FOR_OTHER = "amazonses.com; dmarc=pass header.from=other.example"


@pytest.mark.parametrize(
    ("results", "source", "verdicts", "expected"),
    [
        (PASSED_DMARC, "", {}, ()),
        ("", "", {}, (MailWarning.NOT_AUTHENTICATED,)),
        ("", "", {"dmarc": Verdict.FAIL}, (MailWarning.FAILS_DMARC,)),
        ("", "", {"dmarc": Verdict.FAIL, "dmarc_rejects": True}, (MailWarning.FAILS_DMARC,)),
        ("", "", {"dmarc": Verdict.UNKNOWN}, (MailWarning.NOT_AUTHENTICATED,)),
        (FOR_OTHER, "", {}, (MailWarning.NOT_AUTHENTICATED,)),
        # No policy: SPF or DKIM must have passed for the author's own domain.
        ("", "b@sender.example", {"dmarc": Verdict.GRAY}, ()),
        (SIGNED, "", {"dmarc": Verdict.GRAY}, ()),
        (SIGNED, "", {"dmarc": Verdict.PROCESSING_FAILED, "spf": Verdict.FAIL}, ()),
        (
            SIGNED_BY_OTHER,
            "b@other.example",
            {"dmarc": Verdict.GRAY},
            (MailWarning.NOT_AUTHENTICATED,),
        ),
        (
            SIGNED,
            "b@sender.example",
            {"dmarc": Verdict.GRAY, "spf": Verdict.FAIL, "dkim": Verdict.FAIL},
            (MailWarning.NOT_AUTHENTICATED,),
        ),
        (
            "",
            "b@sender.example",
            {"dmarc": Verdict.GRAY, "spf": Verdict.GRAY, "dkim": Verdict.GRAY},
            (MailWarning.NOT_AUTHENTICATED,),
        ),
        (PASSED_DMARC, "", {"spam": Verdict.FAIL}, (MailWarning.SPAM,)),
        (PASSED_DMARC, "", {"spam": Verdict.GRAY}, ()),
        (
            "",
            "",
            {"spam": Verdict.FAIL, "dmarc": Verdict.FAIL},
            (MailWarning.FAILS_DMARC, MailWarning.SPAM),
        ),
    ],
)
def test_a_mail_whose_author_nobody_vouches_for_is_marked(
    results: str, source: str, verdicts: dict[str, Any], expected: tuple[MailWarning, ...]
) -> None:
    headers = FROM | ({"Authentication-Results": results} if results else {})

    assert warnings_about(a_mail(headers, source, **verdicts)) == expected


@pytest.mark.parametrize(
    "authors",
    [
        (),
        ("",),
        ("Bob",),
        ('"bob@sender.example"',),
        ("bob@sender.example, eve@sender.example",),
        ("bob@sender.example", "eve@other.example"),
        ("bob@sender.example", "bob@sender.example"),
    ],
)
def test_a_mail_without_a_single_author_is_marked_though_it_passes_all_checks(
    authors: tuple[str, ...],
) -> None:
    headers = tuple(Header("From", value) for value in authors)

    mail = MailFacts("bob@sender.example", PASSED, headers)

    assert warnings_about(mail) == (MailWarning.NO_SINGLE_AUTHOR,)


@pytest.mark.parametrize(
    ("name", "is_marked"),
    [
        ('"service@bank.example"', True),
        ('"Bank service@bank.example"', True),
        ('"service @ bank . example"', True),
        ('"service\uff20bank\u3002example"', True),
        ("=?utf-8?q?service=40bank=2Eexample?=", True),
        ("=?utf-8?b?c2VydmljZUBiYW5rLmV4YW1wbGU=?=", True),
        ("=?no-such-charset?q?service=40bank=2Eexample?=", True),
        ("service@bank.example", True),
        ('"bob@sender.example"', False),
        ('"bob@mail.sender.example"', False),
        ('"Bob (@bob)"', False),
        ('"Bob @bob.social.example"', False),
        ('"Bob @ Work"', False),
        ('"Bank.example"', False),
        ("=?utf-8?b?###?=", False),
    ],
)
def test_an_author_named_like_somebody_elses_address_is_marked(name: str, is_marked: bool) -> None:
    mail = a_mail({"From": f"{name} <bob@sender.example>"})

    expected = (MailWarning.NAMED_LIKE_ANOTHER,) if is_marked else ()
    assert warnings_about(mail) == expected


@given(st.text(st.characters(max_codepoint=255) | st.sampled_from("=?@.<>")))
def test_any_author_can_be_judged(value: str) -> None:
    warnings_about(a_mail({"From": f"{value} <bob@sender.example>"}))
    warnings_about(a_mail({"From": f"=?{value}?q?a=40b=2Eexample?= <bob@sender.example>"}))
