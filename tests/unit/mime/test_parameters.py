"""Parameters that are split into sections (RFC 2231), or whose quotes are torn."""

import pytest

from emails.mime.parameters import is_torn, joined, parameters, readable_parameters
from tests.unit.mime.builders import a_mail, forward, read

PARTS = """--=_b1
Content-Type: text/plain

See the report.
--=_b1
Content-Type: application/pdf; {}
Content-Transfer-Encoding: base64

JVBERi0xLjQK
--=_b1--
"""


def a_report(content_type: str, name: str = "name=report.pdf") -> bytes:
    return a_mail(f"Content-Type: {content_type}", body=PARTS.format(name))


BOUNDARIES = [
    "multipart/mixed; boundary*=us-ascii''%3D_b1",
    "multipart/mixed;\r\n boundary*0*=us-ascii''%3D_;\r\n boundary*1*=b1",
    "multipart/mixed; boundary*1*=1; boundary*0*=us-ascii'en'%3D_b",
    'multipart/mixed; boundary*0="=_b"; boundary*1=1',
    'multipart/mixed; boundary*0="=_"; boundary*1*=%62%31',
    "multipart/mixed; BOUNDARY*0*=%3D_; boundary*1*=b1",
    "multipart/mixed; boundary*=%3D_b1; charset=utf-8",
]
TORN = [
    'multipart/mixed; boundary="=_b1',
    'multipart/mixed; charset=utf-8; boundary="=_b1',
    'multipart/mixed; boundary==_b1"',
    'multipart/mixed; boundary="=_b1" charset=utf-8',
]


@pytest.mark.parametrize("content_type", BOUNDARIES + TORN)
def test_a_multipart_is_read_however_its_boundary_is_written(content_type: str) -> None:
    mail = read(forward(a_report(content_type)).raw)

    text, pdf = mail.iter_parts()
    assert text.get_content().split() == ["See", "the", "report.", "--", "[NOTE]"]
    assert pdf.get_payload(decode=True) == b"%PDF-1.4\n"


@pytest.mark.parametrize("content_type", BOUNDARIES + TORN)
def test_sections_and_torn_quotes_are_written_anew(content_type: str) -> None:
    """Programs that read them in another way show the mail's source."""
    raw = forward(a_report(content_type, 'name="the report.pdf')).raw

    assert b'boundary="=_b1"' in raw.partition(b"\r\n\r\n")[0]
    assert b'name="the report.pdf"\r\n' in raw


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("filename*=utf-8''%e2%82%ac.pdf", "€.pdf"),
        ("filename*0*=utf-8''%e2%82; filename*1*=%ac.pdf", "€.pdf"),
        ("filename*0*=utf-8''it%27s; filename*1=\" 100%41.pdf\"", "it's 100%41.pdf"),
        ("filename*=utf-8''it's.pdf", "it's.pdf"),
        ("filename*=iso-8859-8-i''%f9%ec.pdf", "של.pdf"),
        ("filename*=klingon''%e9.pdf", "é.pdf"),
        ("filename*=a.pdf", "a.pdf"),
        ('filename="a.pdf', "a.pdf"),
        ('filename=a.pdf"; x=y', "a.pdf"),
    ],
)
def test_a_name_is_joined_and_decoded(written: str, name: str) -> None:
    assert readable_parameters(f"attachment; {written}".encode())["filename"] == name


def test_a_plain_parameter_counts_before_sections() -> None:
    given = parameters(b"multipart/mixed; boundary*0=x; boundary=y")

    assert joined(given, "boundary") == "y"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"text/plain", False),
        (b'a/b; name="x"', False),
        (b'a/b; name="x \\" y"; z="w"', False),
        (b'a/b; name="x" ; z=w', False),
        (b'a/b; name="x', True),
        (b'a/b; name=x"', True),
        (b'a/b; name="x"y', True),
        (b'a/b; name="x"; z="', True),
        (b'a/b; name="' + b"\\x" * 500 + b'"', False),
        (b'a/b; name="' + b"\\x" * 501 + b'"', True),
    ],
)
def test_when_quotes_are_torn(value: bytes, expected: bool) -> None:
    assert is_torn(value) is expected


def test_the_charset_of_a_text_may_be_written_in_sections() -> None:
    head = ["Content-Type: text/plain; charset*0*=us-ascii''windows-; charset*1=1251"]
    head += ["Content-Transfer-Encoding: base64"]

    mail = read(forward(a_mail(*head, body="z/Do4uXy")).raw)

    assert mail.get_content().startswith("Привет")
