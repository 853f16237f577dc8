"""Attached mails keep their addresses: only names are encoded (RFC 2047, 5)."""

from email.message import EmailMessage

import pytest

from emails.mime.address_fields import written_addresses
from emails.mime.rewrite_reply import rewrite_reply
from tests.mime_checker import check_octets
from tests.unit.mime.builders import MASK, OWNER, REPLY, a_mail, forward, read

INNER = """From: Jörg Müller <joerg@home.example>
To: Zoë <zoe@x.example>, Ann <{owner}>, "Doe, Jo" <jo@x.example>
Cc: =?utf-8?q?J=C3=B6rg?= <{owner}>
Subject: Grüße
Date: Mon, 2 Nov 2026 09:00:00 +0000
Content-Type: {content_type}

hallo
"""


def with_attached(inner: str) -> bytes:
    lines = f"--b\nContent-Type: text/plain\n\nsee\n--b\nContent-Type: message/rfc822\n\n{inner}"
    return a_mail("Content-Type: multipart/mixed; boundary=b", body=f"{lines}--b--\n")


def attached(raw: bytes) -> EmailMessage:
    mail: EmailMessage = next(
        one.get_content() for one in read(raw).walk() if one.get_content_type() == "message/rfc822"
    )
    return mail


def boxes(mail: EmailMessage, name: str) -> list[tuple[str, str]]:
    return [(one.display_name, one.addr_spec) for one in mail[name].addresses]


def test_a_forwarded_mail_has_its_addresses_outside_of_encoded_words() -> None:
    raw = with_attached(INNER.format(owner="ann@x.example", content_type="text/plain"))

    result = forward(raw).raw

    mail = attached(result)
    assert boxes(mail, "From") == [("Jörg Müller", "joerg@home.example")]
    assert boxes(mail, "To") == [
        ("Zoë", "zoe@x.example"),
        ("Ann", "ann@x.example"),
        ("Doe, Jo", "jo@x.example"),
    ]
    assert mail["Subject"] == "Grüße"
    assert b"<joerg@home.example>" in result
    assert b"<zoe@x.example>" in result


def test_in_a_reply_the_mask_replaces_the_owner_among_them() -> None:
    raw = with_attached(INNER.format(owner=OWNER, content_type="text/plain"))

    result = rewrite_reply(raw, REPLY).raw

    mail = attached(result)
    assert boxes(mail, "To") == [
        ("Zoë", "zoe@x.example"),
        ("Ann", MASK),
        ("Doe, Jo", "jo@x.example"),
    ]
    assert boxes(mail, "Cc") == [("Jörg", MASK)]
    assert b"<joerg@home.example>" in result
    assert b"owner.example" not in result


@pytest.mark.parametrize(
    "content_type", ["text/plain", "text/plain; charset=utf-8", 'text/plain; charset="UTF-8"; x=y']
)
@pytest.mark.parametrize("is_reply", [True, False])
def test_the_type_of_an_attached_mail_stays_as_it_is(content_type: str, is_reply: bool) -> None:
    raw = with_attached(INNER.format(owner=OWNER, content_type=content_type))

    result = rewrite_reply(raw, REPLY) if is_reply else forward(raw)

    assert f"\r\nContent-Type: {content_type}\r\n".encode() in result.raw


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("Jörg <j@x.example>", "=?utf-8?b?SsO2cmc=?= <j@x.example>"),
        ("j@bücher.example", "j@xn--bcher-kva.example"),
        ("Jo <j@x.example>, Jö <k@y.z>", "Jo <j@x.example>,\r\n =?utf-8?b?SsO2?= <k@y.z>"),
        ('"ö" <"a b"@x.example>', '=?utf-8?b?w7Y=?= <"a b"@x.example>'),
        ("jörg@x.example", "=?utf-8?b?asO2cmdAeC5leGFtcGxl?= :;"),
        ("Jörg", "=?utf-8?b?SsO2cmc=?="),
        ("ö: a@x.example, b@x.example;", "a@x.example,\r\n b@x.example"),
        ('"A, B" <a@x.example>', '"A, B" <a@x.example>'),
    ],
)  # fmt: skip
def test_how_mailboxes_are_written(value: str, written: str) -> None:
    assert written_addresses(value.encode()) == written


def test_ten_thousand_mailboxes_are_all_there() -> None:
    to = ", ".join(f"Zoë {number} <u{number}@x.example>" for number in range(10_000))
    raw = with_attached(f"To: {to}\nSubject: s\n\nhallo\n")

    result = forward(raw).raw

    assert check_octets(result) == []
    assert all(f"<u{number}@x.example>".encode() in result for number in range(10_000))
