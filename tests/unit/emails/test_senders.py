"""Whose mail it is: what SES found out, read so that nobody who sends mail can change it."""

import pytest

from emails.rules.addresses import Address
from emails.rules.senders import is_authenticated, sender_of
from emails.values.facts import Verdict
from tests.unit.emails.test_reply_rules import SENDER, a_reply, header

SES_RESULT = "amazonses.com; spf=pass client-ip=192.0.2.1; dkim=pass header.i=@{domain}; dmarc=none"


@pytest.mark.parametrize(
    ("dmarc", "spf", "dkim", "source", "signer", "expected"),
    [
        ("PASS", "FAIL", "FAIL", SENDER, "owner.example", False),
        ("FAIL", "PASS", "PASS", SENDER, "owner.example", False),
        ("UNKNOWN", "PASS", "PASS", SENDER, "owner.example", False),
        ("GRAY", "PASS", "FAIL", SENDER, "", True),
        ("GRAY", "FAIL", "PASS", "x@evil.example", "owner.example", True),
        ("GRAY", "FAIL", "FAIL", SENDER, "owner.example", False),
        ("PROCESSING_FAILED", "PASS", "FAIL", SENDER, "", True),
        ("PROCESSING_FAILED", "FAIL", "PASS", "x@evil.example", "owner.example", True),
        ("PROCESSING_FAILED", "FAIL", "FAIL", SENDER, "owner.example", False),
        ("PROCESSING_FAILED", "PROCESSING_FAILED", "PROCESSING_FAILED", SENDER, "", False),
        ("PROCESSING_FAILED", "PASS", "PASS", "x@evil.example", "evil.example", False),
        # The forger's own domain passes its own checks.
        ("GRAY", "PASS", "PASS", "x@evil.example", "evil.example", False),
        ("GRAY", "PASS", "FAIL", "x@sub.owner.example", "", False),
        ("GRAY", "FAIL", "PASS", "x@evil.example", "sub.owner.example", False),
        ("GRAY", "FAIL", "PASS", "x@evil.example", "example", False),
    ],
)
def test_a_sender_is_proven_by_dmarc_or_for_its_own_domain(
    dmarc: str, spf: str, dkim: str, source: str, signer: str, expected: bool
) -> None:
    mail = a_reply(
        source=source,
        headers={"Authentication-Results": SES_RESULT.format(domain=signer)},
        dmarc=Verdict(dmarc),
        spf=Verdict(spf),
        dkim=Verdict(dkim),
    )
    sender = sender_of(mail)
    assert sender is not None

    assert is_authenticated(mail, sender) is expected


@pytest.mark.parametrize(
    "results",
    [
        [],
        ["evil.example; dkim=pass header.i=@owner.example"],
        ["amazonses.com; dkim=fail header.i=@owner.example"],
        ["amazonses.com; dkim=pass header.i=x header.d=owner.example@evil.example"],
        # The user's name in `header.i` is the forger's to write; only the first property counts.
        ["amazonses.com; dkim=pass header.i=x header.d=owner.example @evil.example"],
        ["amazonses.com; dkim=pass header.i= header.d=owner.example @evil.example"],
        ["amazonses.com; dkim=pass header.i=x@owner.example @evil.example"],
        ["amazonses.com; dkim=pass header.i=@evil.example header.d=owner.example"],
        ["amazonses.com; none", "amazonses.com; dkim=pass header.i=@owner.example"],
        # The envelope's sender is the forger's to write.
        ['amazonses.com; envelope-from="a; dkim=pass header.d=owner.example "@x; helo=x'],
        ['amazonses.com; envelope-from="\\"; dkim=pass header.d=owner.example "@x; helo=x'],
        ['amazonses.com; envelope-from="a; dkim=pass header.d=owner.example ;'],
        ["amazonses.com; spf=pass (domain of a; dkim=pass header.d=owner.example ; b) helo=x"],
    ],
)
def test_only_sess_own_results_count_and_only_the_topmost(results: list[str]) -> None:
    mail = a_reply(source="x@evil.example", dmarc=Verdict.GRAY)
    for result in results:
        mail = header("Authentication-Results", result)(mail)
    sender = sender_of(mail)
    assert sender is not None

    assert not is_authenticated(mail, sender)


@pytest.mark.parametrize(
    ("judged", "expected"),
    [
        ("dmarc=pass header.from=owner.example;", True),
        ("dmarc=pass header.from=evil.example;", False),
        ("dmarc=pass header.from=sub.owner.example;", False),
        ("dmarc=pass header.from=evil.example; dmarc=pass header.from=owner.example", True),
        ("dmarc=pass header.from=owner.example; dmarc=pass header.from=evil.example", False),
        ("dmarc=fail header.from=owner.example", False),
        ("dmarc=pass", False),
    ],
)
def test_dmarc_speaks_for_the_domain_that_it_judged(judged: str, expected: bool) -> None:
    """Of two senders in a malformed mail, SES may have judged the other one."""
    mail = a_reply(headers={"Authentication-Results": f"amazonses.com; {judged}"})
    sender = sender_of(mail)
    assert sender is not None

    assert is_authenticated(mail, sender) is expected


@pytest.mark.parametrize(
    "helo",
    [
        "x(",
        '"',
        '"(',
        "x\\",
        "x (owner.example",
        'x; dmarc=pass header.from=owner.example; dkim=pass header.d=owner.example; y="',
        "x; dmarc=pass header.from=owner.example (",
    ],
)
@pytest.mark.parametrize("dmarc", [Verdict.PASS, Verdict.GRAY])
def test_nothing_that_a_server_says_of_itself_hides_or_adds_a_result(
    helo: str, dmarc: Verdict
) -> None:
    """A forger whose own domain passes everything, in a mail in which we read another sender."""
    judged = f"dmarc={'pass' if dmarc is Verdict.PASS else 'none'} header.from=evil.example"
    line = f"amazonses.com; spf=pass client-ip=192.0.2.1; envelope-from=x@evil.example; helo={helo}"
    mail = a_reply(
        source="x@evil.example",
        headers={
            "Authentication-Results": f"{line}; dkim=pass header.i=@evil.example; {judged};",
        },
        dmarc=dmarc,
    )
    sender = sender_of(mail)
    assert sender is not None

    assert not is_authenticated(mail, sender)
    assert is_authenticated(mail, Address("x", "evil.example"))


@pytest.mark.parametrize(
    ("line", "source", "expected"),
    [
        (None, "x@evil.example", False),
        ("amazonses.com; none", "x@evil.example", False),
        ("amazonses.com; dmarc=pass (header.from=owner.example", "x@evil.example", False),
        ("amazonses.com; dkim=pass header.i=@evil.example", "x@evil.example", False),
        ("evil.example; dmarc=pass header.from=owner.example", "x@evil.example", False),
        # SPF, or DKIM, speaks for the sender where DMARC's own result can't be read.
        (None, SENDER, True),
        ("amazonses.com; dkim=pass header.i=@owner.example", "x@evil.example", True),
    ],
)
def test_a_verdict_without_a_result_for_the_senders_domain_proves_nothing(
    line: str | None, source: str, expected: bool
) -> None:
    headers = {"Authentication-Results": line} if line else {}
    mail = a_reply(source=source, headers=headers)
    sender = sender_of(mail)
    assert sender is not None

    assert is_authenticated(mail, sender) is expected


def test_a_parent_domain_may_sign_for_its_children() -> None:
    mail = a_reply(
        sender="ann@mail.owner.example",
        source="x@evil.example",
        headers={"Authentication-Results": SES_RESULT.format(domain="owner.example")},
        dmarc=Verdict.GRAY,
    )
    sender = sender_of(mail)
    assert sender is not None

    assert is_authenticated(mail, sender)
