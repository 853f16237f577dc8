"""What headers say about the kind of a mail."""

import pytest

from emails.mime.read_headers import read_headers
from emails.rules.mail_kind import is_automatic, is_list_mail
from emails.values.facts import Header
from tests.unit.emails.builders import a_mail


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"List-Unsubscribe": "<https://sender.example/>"}, True),
        ({"list-id": "news"}, True),
        ({"List-Post": "NO"}, True),
        ({"Precedence": "Bulk"}, True),
        ({"Precedence": " list "}, True),
        ({"Precedence": "first-class"}, False),
        ({"X-List-Id": "news"}, False),
        ({}, False),
    ],
)
def test_list_mails(headers: dict[str, str], expected: bool) -> None:
    assert is_list_mail(a_mail(headers)) is expected


@pytest.mark.parametrize(
    ("headers", "source", "expected"),
    [
        ({"Auto-Submitted": "auto-replied"}, "a@b.example", True),
        ({"Auto-Submitted": "auto-generated; type=x"}, "a@b.example", True),
        ({"Auto-Submitted": "No"}, "a@b.example", False),
        ({"X-Autoreply": "yes"}, "a@b.example", True),
        ({"Precedence": "auto_reply"}, "a@b.example", True),
        ({}, "", True),
        ({}, "<>", True),
        ({}, "a@b.example", False),
    ],
)
def test_automatic_replies(headers: dict[str, str], source: str, expected: bool) -> None:
    assert is_automatic(a_mail(headers, source=source)) is expected


def test_headers_are_read_from_a_mail_unfolded_and_without_its_body() -> None:
    raw = b"References: <a@b>\r\n <c@d>\r\nSubject: gr\xfc\xdfe\r\n\r\nList-Id: no\r\n"

    headers = read_headers(raw)

    assert headers[0] == Header("References", "<a@b> <c@d>")
    assert [header.name for header in headers] == ["References", "Subject"]


def test_a_header_with_a_blank_before_the_colon_is_read() -> None:
    raw = b"From : eve@evil.example\r\nfrom\t: x\r\nFrom: ann@owner.example\r\n : y\r\n\r\n"

    assert read_headers(raw) == (
        Header("From", "eve@evil.example"),
        Header("from", "x"),
        Header("From", "ann@owner.example : y"),
    )


@pytest.mark.parametrize(
    "raw", [b"", b"\r\n\r\n", b"no header", b"\x00" * 100, b"A: " + b"x" * 10**6]
)
def test_any_bytes_have_headers(raw: bytes) -> None:
    assert isinstance(read_headers(raw), tuple)
