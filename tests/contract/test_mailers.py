"""The stand-in for the mailer behaves as SES does. Lessons 1, 11."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest

from emails.edges import ses
from emails.edges.ports import Mailer
from emails.edges.ses import SesMailer
from emails.values.deliveries import Outgoing
from emails.values.errors import Refused, Unavailable
from runtime.aws import make_session
from runtime.dependencies import Dependency
from tests.contract.conftest import calling
from tests.fakes import FakeMailer
from tools.local.aws import REGION, SimulatedAws


def mail_to(recipient: str = "ann@owner.example", sender: str = "x7k2@masks.example") -> Outgoing:
    return Outgoing(
        raw=f"From: {sender}\r\nTo: {recipient}\r\n\r\nHello\r\n".encode(),
        sender=sender,
        recipient=recipient,
        tags=(("kind", "forward"), ("mask", "random-1")),
    )


Seen = tuple[str, str, bytes]
"""A mail that SES took: its sender, its recipient, and all of it."""


@dataclass
class Ses:
    """What sends, and a way to see what was sent, oldest first."""

    mailer: Mailer
    seen: Callable[[], list[Seen]]


def seen_by(fake: FakeMailer) -> list[Seen]:
    return [(mail.sender, mail.recipient, mail.raw) for mail in fake.sent]


def seen_in(aws: SimulatedAws) -> list[Seen]:
    # One recipient a mail; with more of them none of these is what it should be.
    return [(mail.sender, ", ".join(mail.recipients), mail.raw) for mail in aws.sent()]


@pytest.fixture(scope="module")
def mailers(aws_threads: dict[str, SimulatedAws]) -> dict[str, SesMailer]:
    """SES, as both servers play it."""
    return {name: ses.connect(make_session(REGION), None) for name in aws_threads}


_MOTO_DIFFERS = pytest.mark.xfail(strict=True, reason="moto says this in other words")


@pytest.fixture(params=["stand-in", "moto", "tools.aws"])
def any_ses(
    request: pytest.FixtureRequest,
    aws_threads: dict[str, SimulatedAws],
    mailers: dict[str, SesMailer],
    monkeypatch: pytest.MonkeyPatch,
) -> Ses:
    """SES, which sends for masks.example."""
    if request.param == "stand-in":
        fake = FakeMailer()
        return Ses(fake, lambda: seen_by(fake))
    aws = calling(monkeypatch, aws_threads[request.param])
    aws.reset()
    return Ses(mailers[request.param], lambda: seen_in(aws))


def as_seen(mail: Outgoing) -> Seen:
    return mail.sender, mail.recipient, mail.raw


def test_a_mail_goes_from_its_sender_to_its_one_recipient_byte_for_byte(any_ses: Ses) -> None:
    any_ses.mailer.send(mail_to())

    assert any_ses.seen() == [as_seen(mail_to())]


def test_mails_are_sent_in_order_and_each_has_an_id_of_its_own(any_ses: Ses) -> None:
    mails = [mail_to(f"{name}@owner.example") for name in ("ann", "bob", "cid", "cid")]

    ids = [any_ses.mailer.send(mail) for mail in mails]

    assert any_ses.seen() == [as_seen(mail) for mail in mails]
    assert len(set(ids)) == len(mails)
    assert all(ids)


@pytest.mark.parametrize(
    "any_ses",
    ["stand-in", pytest.param("moto", marks=_MOTO_DIFFERS), "tools.aws"],
    indirect=True,
)
def test_a_domain_that_we_did_not_verify_is_no_mails_fault_and_nothing_is_sent(
    any_ses: Ses,
) -> None:
    with pytest.raises(Unavailable) as unavailable:
        any_ses.mailer.send(mail_to(sender="eve@elsewhere.example"))

    assert unavailable.value.dependency is Dependency.SES
    assert any_ses.seen() == []


def with_file(*head: str) -> bytes:
    """A mail with a small file, whose header has these lines."""
    lines = ["Content-Type: multipart/mixed; boundary=b", "", "--b", *head, "", "UERG", "--b--", ""]
    return "\r\n".join(["From: x7k2@masks.example", "To: ann@owner.example", *lines]).encode()


LIMIT = 40 * 1024 * 1024
HEAD = b"From: x7k2@masks.example\r\nTo: ann@owner.example\r\n\r\n"
REFUSED: dict[str, Callable[[], bytes]] = {
    "a From of 321": lambda: b'From: "' + b"x" * 298 + b'"\r\n <x7k2@masks.example>\r\n\r\nHi',
    "a certificate": lambda: with_file('Content-Disposition: attachment; filename="server.crt"'),
    "a name of the type": lambda: with_file("Content-Type: application/x; name=SETUP.EXE"),
    "a name in words": lambda: with_file('Content-Type: a/b; name="=?utf-8?b?YS5qcw==?="'),
    "a name by RFC 2231": lambda: with_file(
        "Content-Disposition: inline; filename*=utf-8''%C3%A4.crt"
    ),
    "a name in sections": lambda: with_file(
        "Content-Disposition: inline; filename*0=a;", " filename*1=.c; filename*2=rt"
    ),
    "a name in an attached mail": lambda: with_file(
        "Content-Type: message/rfc822", "", "From: a@b.example", "Content-Type: a/b; name=a.com"
    ),
    "41,943,041 octets": lambda: HEAD + b"x" * (LIMIT + 1 - len(HEAD)),
}
ACCEPTED: dict[str, Callable[[], bytes]] = {
    "a From of 320": lambda: b'From: "' + b"x" * 297 + b'"\r\n <x7k2@masks.example>\r\n\r\nHi',
    "other names": lambda: with_file('Content-Disposition: inline; filename="server.crt.renamed"'),
    "a file without a name": lambda: with_file("Content-Type: application/x-msdownload"),
    "a name in a text": lambda: HEAD + b"Content-Type: a/b; name=server.crt\r\n",
    "41,943,040 octets": lambda: HEAD + b"x" * (LIMIT - len(HEAD)),
}


@pytest.mark.slow
@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED)
def test_what_ses_refuses_is_the_mails_fault_and_not_sent(
    any_ses: Ses, raw: Callable[[], bytes]
) -> None:
    """Lesson 45."""
    with pytest.raises(Refused) as refused:
        any_ses.mailer.send(replace(mail_to(), raw=raw()))

    assert refused.value.reason == "send_rejected"
    assert refused.value.code == "BadRequestException"
    assert any_ses.seen() == []


@pytest.mark.slow
@pytest.mark.parametrize("raw", ACCEPTED.values(), ids=ACCEPTED)
def test_what_is_just_within_its_limits_is_sent(any_ses: Ses, raw: Callable[[], bytes]) -> None:
    any_ses.mailer.send(replace(mail_to(), raw=raw()))

    assert len(any_ses.seen()) == 1


def test_several_threads_send_at_once(any_ses: Ses) -> None:
    with ThreadPoolExecutor(4) as threads:
        ids = list(threads.map(any_ses.mailer.send, [mail_to()] * 12))

    assert len(set(ids)) == 12
    assert any_ses.seen() == [as_seen(mail_to())] * 12


@pytest.mark.parametrize(
    "any_ses",
    [
        "stand-in",
        pytest.param("moto", marks=pytest.mark.xfail(strict=True, reason="moto sends anything")),
        "tools.aws",
    ],
    indirect=True,
)
def test_a_check_sends_nothing(any_ses: Ses) -> None:
    any_ses.mailer.check("x7k2@masks.example")

    assert any_ses.seen() == []
