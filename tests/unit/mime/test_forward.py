"""What owners get of a mail that was sent to a mask."""

import base64
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emails.mime.rewrite_forward import rewrite_forward
from emails.values.header_names import LOOP_HEADER, MASK_HEADER, ORIGINAL_PREFIX
from tests.mime_checker import check_forward, check_octets
from tests.unit.mime.builders import FORWARD, MASK, OWNER, REPLIES, WRITER, a_mail, read, texts
from tools import local

PDF = base64.b64encode(bytes(range(256)) * 3).decode()

ALTERNATIVE = """--b
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

caf=E9
--b
Content-Type: text/html; charset=utf-8

<html><body class="x"><p>caf\u00e9</p></body></html>
--b--
"""


def forward(raw: bytes) -> bytes:
    return rewrite_forward(raw, FORWARD).raw


def test_the_header_names_the_sender_the_mask_and_the_replies_address() -> None:
    mail = read(forward(a_mail()))

    assert mail["From"].addresses[0].addr_spec == MASK
    assert mail["From"].addresses[0].display_name == f"Bob <{WRITER}> [via Relay]"
    assert (mail["To"], mail["Reply-To"], mail["Subject"]) == (OWNER, REPLIES, "hello")
    assert (mail[LOOP_HEADER], mail[MASK_HEADER]) == ("preview", MASK)


def test_other_fields_of_the_top_header_are_dropped() -> None:
    raw = a_mail(
        "Received: from a by b",
        "Return-Path: <bob@sender.example>",
        "DKIM-Signature: v=1; d=sender.example",
        "Disposition-Notification-To: bob@sender.example",
        "Bcc: other@sender.example",
        "Resent-To: other@sender.example",
        "Sender: other@sender.example",
        "X-Anything: yes",
    )

    mail = read(forward(raw))

    assert set(mail.keys()) <= {
        *("From", "To", "Reply-To", "Subject", "Date", LOOP_HEADER, MASK_HEADER, "MIME-Version"),
        *(f"{ORIGINAL_PREFIX}{name}" for name in ("To", "Sender")),
        "Resent-From",
        *("Content-Type", "Content-Transfer-Encoding"),
    }


@pytest.mark.parametrize(
    ("what", "raw"),
    [
        ("two of each", a_mail("Subject: second", "From: c@d.example", "To: e@f.example")),
        ("none of any", b"\r\nbody"),
        ("nothing at all", b""),
        ("no body", b"From: a@b.example\r\n"),
        ("8-bit headers", "From: Zo\u00eb <z@b.example>\r\nSubject: \u00e9\r\n\r\n".encode()),
        ("latin-1 headers", b"From: Zo\xeb <z@b.example>\r\nSubject: \xe9t\xe9\r\n\r\nx"),
        ("an endless subject", a_mail(Subject="x" * 20_000)),
        ("an endless sender", a_mail(From="y" * 20_000 + " <a@b.example>")),
        ("NULs", b"From: a\0b@c.example\r\nSubject: x\0y\r\n\r\nx\0y"),
        ("an unknown charset", a_mail("Content-Type: text/plain; charset=klingon", body="\u00e9")),
        ("an unknown encoding", a_mail("Content-Transfer-Encoding: x-secret", body="\u00e9")),
        ("broken base64", a_mail("Content-Transfer-Encoding: base64", body="a!b=c")),
        ("lines without end", a_mail(body="word " * 100_000)),
        ("a boundary that never comes", a_mail('Content-Type: multipart/mixed; boundary="no"')),
        ("a multipart without a boundary", a_mail("Content-Type: multipart/mixed")),
        ("a bad date", a_mail(Date="yesterday, about noon")),
        ("a date of no calendar", a_mail(Date="Mon, 99 Foo 99999 99:99:99 +9999")),
        ("bare line feeds", b"From: a@b.example\nSubject: x\n\nbody\nmore\n"),
        ("deep nesting", b"".join(
            b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (i, i)
            for i in range(200)
        )),
    ],
)  # fmt: skip
def test_whatever_comes_in_a_valid_mail_goes_out(what: str, raw: bytes) -> None:
    """Lesson 7: unknown charsets, a missing From and the like raised exceptions."""
    mail = read(forward(raw))

    for name in ("From", "To", "Reply-To", "Subject", "Date"):
        assert len(mail.get_all(name, [])) == 1, what


@pytest.mark.parametrize("name", ["From", "Subject", "In-Reply-To", "References", "Date"])
def test_no_header_can_inject_another(name: str) -> None:
    injected = "=?utf-8?q?x=0D=0ABcc=3A_eve=40evil.example=0D=0A?= <a@b.example>"

    raw = forward(a_mail(**{name.replace("-", "_"): injected}))

    assert read(raw)["Bcc"] is None
    assert b"\r\nBcc:" not in raw


def test_both_texts_get_the_note_and_in_html_it_is_inside_the_body() -> None:
    raw = a_mail('Content-Type: multipart/alternative; boundary="b"', body=ALTERNATIVE)

    plain, html = texts(read(forward(raw)))

    assert plain.split() == ["caf\u00e9", "--", "[NOTE]"]
    assert re.sub(' style="[^"]*"', "", html).strip() == (
        '<html><body class="x"><p>caf\u00e9</p><div><p>[NOTE]</p></div></body></html>'
    )


@pytest.mark.parametrize(
    "marked",
    [
        "{top}<p>x</p>{bottom}",
        "<html>{top}<p>x</p>{bottom}</html>",
        "<BODY bgcolor=red>{top}x{bottom}</BODY></HTML>",
        "{top}<bodyguard>x</bodyguard>{bottom}",
    ],
)
@pytest.mark.parametrize("place", ["top", "bottom"])
def test_where_the_note_goes_in_html(marked: str, place: str) -> None:
    raw = a_mail("Content-Type: text/html", body=marked.format(top="", bottom=""))

    plan = replace(FORWARD, has_note_on_top=place == "top")
    (body,) = texts(read(rewrite_forward(raw, plan).raw))

    notes = {"top": "", "bottom": ""} | {place: "<div><p>[NOTE]</p></div>"}
    preview = re.compile('<div style="display:none[^<]*</div>')
    assert re.sub(' style="[^"]*"', "", preview.sub("", body)) == marked.format(**notes)


SAMPLES = Path(__file__).parents[2] / "golden" / "samples"
LOCAL_MAILS = Path(local.__file__).parent / "mails"


@pytest.mark.parametrize(
    "path", [*SAMPLES.glob("*.eml"), *sorted(LOCAL_MAILS.glob("*.eml"))], ids=lambda path: path.stem
)
def test_the_standard_library_reads_the_same_parts_and_texts(path: Path) -> None:
    raw = path.read_bytes()

    assert check_forward(raw, forward(raw), mask=MASK, recipient=OWNER) == []


def test_the_standard_library_reads_the_same_alternatives() -> None:
    raw = a_mail('Content-Type: multipart/alternative; boundary="b"', body=ALTERNATIVE)

    assert check_forward(raw, forward(raw), mask=MASK, recipient=OWNER) == []


def test_attachments_stay_unchanged() -> None:
    body = f"""--b

see the file
--b
Content-Type: application/pdf; name="\u00fcbersicht.pdf"
Content-Disposition: attachment; filename*=utf-8''%C3%BCbersicht.pdf
Content-Transfer-Encoding: base64
Content-ID: <cid-1>

{PDF}
--b
Content-Type: text/plain
Content-Disposition: attachment; filename="log.txt"

do not touch
--b--
"""
    mail = read(forward(a_mail('Content-Type: multipart/mixed; boundary="b"', body=body)))

    first, pdf, log = [part for part in mail.walk() if not part.is_multipart()]
    assert "[NOTE]" in first.get_content()
    assert pdf.get_payload(decode=True) == bytes(range(256)) * 3
    assert pdf.get_filename() == "\u00fcbersicht.pdf"
    assert (pdf.get_content_type(), pdf["Content-ID"]) == ("application/pdf", "<cid-1>")
    content = log.get_payload(decode=True)
    assert isinstance(content, bytes)
    assert content.strip() == b"do not touch"


def test_eight_bit_attachments_keep_their_bytes() -> None:
    """Lesson 9: decoded as text, they became replacement characters."""
    octets = bytes(range(1, 256)).replace(b"\r", b"").replace(b"\n", b"")
    raw = (
        b'From: a@b.example\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nhi\r\n'
        b"--b\r\nContent-Type: application/octet-stream\r\n"
        b"Content-Transfer-Encoding: binary\r\n\r\n" + octets + b"\r\n--b--\r\n"
    )

    _, attached = [part for part in read(forward(raw)).walk() if not part.is_multipart()]

    assert attached.get_payload(decode=True) == octets


def test_a_readable_date_is_kept_and_any_other_becomes_now() -> None:
    kept = read(forward(a_mail(Date="Tue, 01 Sep 2026 10:00:00 +0200")))["Date"].datetime
    assert kept.astimezone(UTC) == datetime(2026, 9, 1, 8, tzinfo=UTC)
    assert read(forward(a_mail(Date="soon")))["Date"].datetime == FORWARD.now


def test_the_thread_is_kept() -> None:
    raw = a_mail(In_Reply_To="<a@b.example>", References="<c@d.example>\r\n <a@b.example>")

    mail = read(forward(raw))

    assert mail["In-Reply-To"] == "<a@b.example>"
    assert mail["References"].split() == ["<c@d.example>", "<a@b.example>"]


def test_of_a_long_thread_the_latest_thirty_are_kept() -> None:
    ids = [f"<{number}@b.example>" for number in range(50)]

    mail = read(forward(a_mail(References="\r\n ".join(ids))))

    assert mail["References"].split() == ids[-30:]


def test_of_the_links_that_leave_a_list_the_first_three_of_a_usual_length_are_kept() -> None:
    """A longer one would not fit into a line, and be cut."""
    long = f"<https://shop.example/{'x' * 900}>"
    links = [f"<https://shop.example/{number}>" for number in range(5)]

    mail = read(forward(a_mail(List_Unsubscribe=",\r\n ".join([long, *links]))))

    assert mail["List-Unsubscribe"].split(", ") == links[:3]


@given(st.binary(max_size=2_000))
def test_any_bytes_become_a_valid_mail(raw: bytes) -> None:
    read(forward(raw))


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_subject_and_sender_become_valid_headers(subject: str, sender: str) -> None:
    read(forward(a_mail(Subject=subject, From=sender)))


@pytest.mark.parametrize(
    "charset",
    ["utf-7", "utf-16", "utf-16le", "utf-32be", "hz", "iso-2022-jp", "cp037", "cp1140", "cp500"],
)
def test_several_lines_in_a_charset_that_does_not_extend_ascii_are_forwarded(charset: str) -> None:
    lines = ["first line", "-" * 70, "-" * 70, "last line"] * 3
    raw = a_mail(
        f"Content-Type: text/plain; charset={charset}",
        "Content-Transfer-Encoding: base64",
        body=base64.encodebytes("\n".join(lines).encode(charset)).decode(),
    )

    result = rewrite_forward(raw, FORWARD).raw

    (text,) = texts(read(result))
    assert check_octets(result) == []
    assert text.splitlines() == [*lines, "", "-- ", "[NOTE]"]
