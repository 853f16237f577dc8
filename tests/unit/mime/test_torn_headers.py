"""Headers with lines that are none: mail programs read on, and so do we."""

from collections.abc import Callable

import pytest

from emails.mime.header_block import lines_of, read_header
from emails.mime.issues import Issue
from emails.mime.read_headers import read_headers
from emails.mime.rewrite_reply import rewrite_reply
from emails.mime.structure import split
from tests.mime_checker import check_octets
from tests.unit.mime.builders import OWNER, REPLY, WRITER, forward, read

BAD_LINES = {
    "mbox": ["From bob@sender.example Mon Nov  2 10:00:00 2026"],
    "quoted mbox": [">From bob@sender.example Mon Nov  2 10:00:00 2026"],
    "a folded line without its blank": ["X-Scanner: clean", "and checked"],
    "three such lines": ["X-Scanner: clean", "one", "two", "three"],
    "a filter's words": ["*** checked by a filter ***"],
    "blanks in a name": ["Spam Score: 5"],
    "a name that is not ASCII": ["Prüfung: ja"],
    "no name": [": nothing"],
    "NULs": ["\0\0"],
    "two hyphens": ["--x"],
    "a name with two hyphens": ["--x: y"],
    "only blanks": ["  ", "\t"],
}
HEADER = [
    "Received: from laptop.owner.example ([192.0.2.5]) by mail.owner.example; today",
    f"From: Bob <{WRITER}>",
    "To: x7k2@masks.example",
    "Subject: Your invoice",
    "Date: Mon, 2 Nov 2026 10:00:00 +0000",
    "Message-ID: <id@sender.example>",
    "MIME-Version: 1.0",
    "Content-Type: multipart/alternative; boundary=b1",
]
BODY = [
    *("--b1", "Content-Type: text/plain", "", "The invoice.", ""),
    *("--b1", "Content-Type: text/html", "", "<p>The <b>invoice</b>.</p>", "--b1--", ""),
]
EVERYWHERE = range(len(HEADER))


def torn(at: int, name: str) -> bytes:
    lines = [*HEADER[:at], *BAD_LINES[name], *HEADER[at:], "", *BODY]
    return "\r\n".join(lines).encode()


STRAY: dict[str, Callable[[bytes], bytes]] = {
    "two CRs a line": lambda raw: raw.replace(b"\r\n", b"\r\r\n"),
    "a CR before a field": lambda raw: raw.replace(b"\r\nFrom:", b"\r\n\rFrom:"),
    "a CR in a name": lambda raw: raw.replace(b"From: Bob", b"From: B\rob"),
    "CRs alone": lambda raw: raw.replace(b"\r\n", b"\r"),
    "LFs alone": lambda raw: raw.replace(b"\r\n", b"\n"),
    "LFs, and a CR": lambda raw: raw.replace(b"\r\n", b"\n").replace(b"Date", b"\rDate"),
}


@pytest.mark.parametrize("name", STRAY)
def test_a_cr_ends_a_line_only_where_lines_end_so(name: str) -> None:
    raw = STRAY[name]("\r\n".join([*HEADER, "", *BODY]).encode())

    result = forward(raw)

    mail = read(result.raw)
    shown = mail["From"].addresses[0].display_name
    assert (shown, mail["Subject"]) == (f"Bob <{WRITER}> [via Relay]", "Your invoice")
    plain, page = mail.iter_parts()
    assert (plain.get_content_type(), page.get_content_type()) == ("text/plain", "text/html")
    assert plain.get_content().startswith("The invoice.")


@pytest.mark.parametrize("at", EVERYWHERE)
@pytest.mark.parametrize("name", BAD_LINES)
def test_a_header_is_read_on_behind_bad_lines(name: str, at: int) -> None:
    result = forward(torn(at, name))

    mail = read(result.raw)
    shown = mail["From"].addresses[0].display_name
    assert (shown, mail["Subject"]) == (f"Bob <{WRITER}> [via Relay]", "Your invoice")
    assert mail["References"] == "<id@sender.example>"
    plain, page = mail.iter_parts()
    assert (plain.get_content_type(), page.get_content_type()) == ("text/plain", "text/html")
    assert "Received" not in plain.get_content()
    assert mail["Received"] is None
    # Python's own parser ends the header there.
    names = [one.name for one in read_headers(torn(at, name))]
    assert {"From", "Subject", "Content-Type"} <= set(names)


@pytest.mark.parametrize("at", [*EVERYWHERE, len(HEADER)])
@pytest.mark.parametrize("name", BAD_LINES)
def test_nothing_of_a_torn_header_is_in_a_reply(name: str, at: int) -> None:
    result = rewrite_reply(torn(at, name).replace(WRITER.encode(), OWNER.encode()), REPLY)

    assert b"owner.example" not in result.raw
    assert b"192.0.2.5" not in result.raw
    assert b"checked" not in result.raw
    assert b"The invoice." in result.raw


@pytest.mark.parametrize("name", BAD_LINES)
def test_nothing_of_it_is_in_the_text_of_a_reply_either(name: str) -> None:
    lines = [*HEADER[:-1], *BAD_LINES[name], "", "The invoice.", "", "Bob"]
    raw = "\r\n".join(lines).replace(WRITER, OWNER).encode()

    assert read(rewrite_reply(raw, REPLY).raw).get_content().split() == ["The", "invoice.", "Bob"]


@pytest.mark.parametrize("at", range(2))
@pytest.mark.parametrize("name", BAD_LINES)
@pytest.mark.parametrize("where", ["part", "attached mail"])
def test_the_header_of_a_part_is_written_anew_without_its_bad_lines(
    where: str, name: str, at: int
) -> None:
    part = ["Content-Type: text/html; charset=utf-8", "Content-Disposition: attachment"]
    lines = [*part[:at], *BAD_LINES[name], *part[at:], "", "<p>hi</p>"]
    if where == "attached mail":
        lines = ["Content-Type: message/rfc822", "", "Subject: inner", *lines]
    head = [*HEADER[:-1], "Content-Type: multipart/mixed; boundary=b", "", "--b", "", "hello"]
    raw = "\r\n".join([*head, "--b", *lines, "--b--", ""]).encode()

    result = forward(raw)

    (page,) = [one for one in read(result.raw).walk() if one.get_content_subtype() == "html"]
    assert page.get_content().strip() == "<p>hi</p>"
    assert page.get_content_disposition() == "attachment"
    assert check_octets(result.raw) == []
    if name not in ("mbox", "quoted mbox", "a name with two hyphens"):
        written = result.raw.partition(b"hello")[2]
        for line in BAD_LINES[name]:
            assert line.startswith("X-") or f"\r\n{line}\r\n".encode() not in written


@pytest.mark.parametrize(
    "text",
    [
        "Hello Bob,\r\n\r\nsee you.",
        "Hello Bob, this mail has no empty line\r\nand: this is no header\r\n\r\nsee you.",
        "-----------\r\nfoo: bar\r\n\r\nsee you.",
        "one\r\ntwo\r\nthree\r\nfour\r\nfive\r\nDate: Monday at five\r\n\r\nsee you.",
        "Hello",
    ],
)
def test_text_without_an_empty_line_before_it_stays_text(text: str) -> None:
    raw = f"From: Bob <{WRITER}>\r\nSubject: s\r\n{text}".encode()

    result = forward(raw)

    assert text.encode() in result.raw
    assert Issue.NO_BLANK_LINE in result.issues


def test_a_multipart_whose_empty_line_is_missing_keeps_its_parts() -> None:
    raw = "\r\n".join([*HEADER, *BODY]).encode()

    types = [one.get_content_type() for one in read(forward(raw).raw).walk()]

    assert types == ["multipart/alternative", "text/plain", "text/html"]


@pytest.mark.parametrize("boundary", ["b:", "x: y"])
def test_a_boundary_that_looks_like_a_field_ends_a_header(boundary: str) -> None:
    lines = [*HEADER[:-1], f'Content-Type: multipart/mixed; boundary="{boundary}"', ""]
    lines += [f"--{boundary}", f"--{boundary}", "", "hello", f"--{boundary}--", ""]

    raw = "\r\n".join(lines).encode()

    assert [one.fields for one in split(raw).children] == [(), ()]
    assert raw.partition(b"hello")[2] in forward(raw).raw


def test_a_megabyte_of_bad_lines_is_no_header() -> None:
    raw = b"From: a@b.example\r\n" + b"no header\r\n" * 100_000 + b"Subject: s\r\n\r\nx"

    assert [one.name for one in read_header(raw, 0, lines_of(raw), lambda line: False).fields] == [
        "from"
    ]
