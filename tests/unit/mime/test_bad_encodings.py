"""Transfer encodings that bad programs write, and what mail programs make of them."""

import base64

import pytest

from emails.mime import encoding
from emails.mime.issues import Issue
from tests.unit.mime.builders import a_mail, forward, read, texts

QP = encoding.QUOTED_PRINTABLE


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (b"?t=YWJjZA==&u=1", b"?t=YWJjZA==&u=1"),
        (b"===\nx", b"==x"),
        (b"a===3Db", b"a===b"),
        (b"a=\nb=\r\nc= \t\r\nd", b"abcd"),
        (b"a=3D=3db=E9=", b"a==b\xe9"),
        (b"a=G1=4=", b"a=G1=4"),
        (b"==C3=A4=", b"=\xc3\xa4"),
    ],
)
def test_equals_signs_that_escape_nothing_stay(written: bytes, text: bytes) -> None:
    """Browsers' links with `==` confirm something, and one `=` less is another link."""
    assert encoding.decoded(written, QP) == (text, True)


def test_a_link_with_bare_equals_signs_still_works() -> None:
    link = '<a href="https://sender.example/confirm?t=YWJjZA==&u=1">Confirm</a>'

    result = forward(
        a_mail("Content-Type: text/html", f"Content-Transfer-Encoding: {QP}", body=link)
    )

    assert link in texts(read(result.raw))[0]


def padded(*pieces: bytes, line_end: str = "\n") -> str:
    return line_end.join(base64.b64encode(piece).decode() for piece in pieces)


PIECES = [b"first,", b"second,", b"third, longer,", b"the end."]
PADDED = {
    "on lines of their own": padded(*PIECES),
    "on one line": padded(*PIECES, line_end=""),
    "with empty lines": padded(*PIECES, line_end="\n\n"),
    "with stray characters": padded(*PIECES, line_end=" *\n"),
}


@pytest.mark.parametrize("name", PADDED)
@pytest.mark.parametrize("content_type", ["text/plain", "text/html"])
def test_a_text_in_several_padded_blocks_is_read_whole(name: str, content_type: str) -> None:
    head = [f"Content-Type: {content_type}", "Content-Transfer-Encoding: base64"]

    result = forward(a_mail(*head, body=PADDED[name]))

    assert b"".join(PIECES).decode() in texts(read(result.raw))[0]


def test_padded_blocks_that_must_be_written_anew_become_one() -> None:
    """With other line ends, the padding would end the file for most programs."""
    body = padded(*PIECES).replace("\n", "\r")
    raw = a_mail("Content-Type: application/x", "Content-Transfer-Encoding: base64", body=body)

    file = next(
        one for one in read(forward(raw).raw).walk() if one.get_content_type() == "application/x"
    )

    assert file.get_payload(decode=True) == b"".join(PIECES)
    assert str(file.get_payload()).strip() == base64.b64encode(b"".join(PIECES)).decode()


GIF = base64.b64encode(bytes(range(200))).decode()


def cut_mail(end: str) -> bytes:
    lines = ["--b1", "Content-Type: image/gif", "Content-Transfer-Encoding: base64", "", GIF]
    return a_mail("Content-Type: multipart/mixed; boundary=b1", body="\n".join([*lines, end]))


@pytest.mark.parametrize("end", ["--b1", "--b1\n", "--b1 ", "--b1-", "--b1--", "--b1--\n", ""])
def test_a_mail_cut_at_a_delimiter_gets_nothing_of_ours_in_its_last_file(end: str) -> None:
    result = forward(cut_mail(end))

    leaves = [one for one in read(result.raw).walk() if not one.is_multipart()]
    assert [one.get_content_type() for one in leaves] == ["image/gif", "text/plain"]
    assert leaves[0].get_payload(decode=True) == bytes(range(200))
    assert [one.defects for one in read(result.raw).walk() if one.is_multipart()] == [[], []]
    assert (Issue.NOT_CLOSED in result.issues) is not end.startswith("--b1--")


def test_a_nested_multipart_that_is_cut_is_closed_from_the_inside_out() -> None:
    inner = "--in\n\nhello\n--in"
    body = f"--out\nContent-Type: multipart/mixed; boundary=in\n\n{inner}"

    result = forward(a_mail("Content-Type: multipart/mixed; boundary=out", body=body))

    mail = read(result.raw)
    assert [one.get_content_type() for one in mail.walk()] == [
        "multipart/mixed",
        "multipart/mixed",
        "text/plain",
    ]
    assert all(one.defects == [] for one in mail.walk())


@pytest.mark.parametrize("kind", ["encrypted", "signed", "mixed"])
@pytest.mark.parametrize("stray", [QP, "base64", "x-secret"])
def test_a_stray_encoding_of_a_multipart_is_left_out(kind: str, stray: str) -> None:
    """RFC 2045, 6.4: Thunderbird doesn't decrypt such a mail."""
    body = "--e\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--e\n\nsecret\n--e--\n"
    head = [f"Content-Type: multipart/{kind}; boundary=e", f"Content-Transfer-Encoding: {stray}"]

    mail = read(forward(a_mail(*head, body=body)).raw)

    found = next(one for one in mail.walk() if one.get_content_type() == f"multipart/{kind}")
    assert found["Content-Transfer-Encoding"] in (None, "7bit")
    assert "secret" in mail.as_string()


@pytest.mark.parametrize(
    "footer",
    ["_____\r\nA list\r\n", "Sent from my phone\r\n", "-- \r\nhttps://list.example/a=b\r\n"],
)
def test_a_footer_that_is_not_base64_is_no_part_of_the_text(footer: str) -> None:
    text = "Grüße aus Köln".encode()
    written = base64.b64encode(text) + b"\r\n"
    assert written.endswith(b"=\r\n")

    assert encoding.decoded(written + footer.encode(), "base64") == (text, False)
