"""What correspondents get of an owner's reply: nothing that reveals the owner."""

import base64
import quopri
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emails.mime.hide_owner import owner_replacer
from emails.mime.rewrite_reply import rewrite_reply
from tests.unit.mime.builders import MASK, OWNER, REPLY, WRITER, a_mail, read, texts


def reply(raw: bytes) -> bytes:
    return rewrite_reply(raw, REPLY).raw


def test_a_reply_comes_from_the_mask_and_keeps_the_correspondents_thread() -> None:
    raw = a_mail("X-Originating-IP: 10.0.0.1", "User-Agent: x", From=OWNER, To="replies@m.example")

    mail = read(reply(raw))

    assert (mail["From"], mail["To"]) == (MASK, WRITER)
    assert mail["In-Reply-To"] == "<1@sender.example>"
    assert mail["References"].split() == ["<0@sender.example>", "<1@sender.example>"]
    assert set(mail.keys()) <= {
        *("From", "To", "Subject", "Date", "In-Reply-To", "References", "MIME-Version"),
        *("Content-Type", "Content-Transfer-Encoding"),
    }


ENTITIES = "".join(f"&#{ord(c)};" for c in OWNER)
HEX_ENTITIES = "".join(f"&#x{ord(c):X};" for c in OWNER)


def test_of_a_long_thread_the_latest_thirty_are_kept() -> None:
    ids = tuple(f"<{number}@sender.example>" for number in range(2, 50))
    plan = replace(REPLY, references=ids)

    mail = read(rewrite_reply(a_mail(), plan).raw)

    assert mail["References"].split() == [*ids[-29:], "<1@sender.example>"]


@pytest.mark.parametrize(
    "written",
    [
        OWNER,
        OWNER.upper(),
        OWNER.replace("@", "%40"),
        OWNER.replace("@", "&#64;"),
        OWNER.replace("@", "&#x40;"),
        OWNER.replace("@", "&#0064;"),
        OWNER.replace("@", "&commat;"),
        OWNER.replace("@", "&commat;").replace(".", "&period;"),
        OWNER.replace("@", "%40").replace("+", "%2B"),
        ENTITIES,
        HEX_ENTITIES,
    ],
)
@pytest.mark.parametrize("encoding", ["7bit", "quoted-printable", "base64"])
@pytest.mark.parametrize("subtype", ["plain", "html", "calendar"])
def test_the_owners_address_is_replaced_however_it_is_written(
    written: str, encoding: str, subtype: str
) -> None:
    """Lesson 19."""
    text = f'On Monday <a href="mailto:{written}">{written}</a> wrote: ATTENDEE:{written}'
    encode: dict[str, Callable[[bytes], bytes]] = {
        "7bit": bytes,
        "base64": base64.encodebytes,
        "quoted-printable": quopri.encodestring,
    }
    raw = a_mail(
        f"Content-Type: text/{subtype}; charset=utf-8",
        f"Content-Transfer-Encoding: {encoding}",
        body=encode[encoding](text.encode()).decode(),
    )

    mail = read(reply(raw))

    (body,) = texts(mail)
    assert written not in body
    assert "owner.example" not in body.lower()
    assert "masks" in body
    assert mail.get_content_subtype() == subtype


@pytest.mark.parametrize(
    "subject",
    [
        f"Re: mail for {OWNER}",
        "=?utf-8?q?f=C3=BCr_" + OWNER.replace("@", "=40").replace("+", "=2B") + "?=",
        "=?utf-8?b?" + base64.b64encode(f"f\u00fcr {OWNER}".encode()).decode() + "?=",
    ],
)
def test_the_owners_address_is_replaced_in_the_subject(subject: str) -> None:
    mail = read(reply(a_mail(Subject=subject)))

    assert "owner.example" not in mail["Subject"]
    assert MASK in mail["Subject"]


def test_the_owners_address_is_replaced_in_attached_mails() -> None:
    body = f"""--b

see below
--b
Content-Type: message/rfc822

From: Bob <{WRITER}>
To: =?utf-8?q?Ann_R=C3=A9al?= <{OWNER}>
Subject: for {OWNER}
Content-Type: text/plain

dear {OWNER}
--b--
"""
    raw = reply(a_mail('Content-Type: multipart/mixed; boundary="b"', body=body))

    read(raw)
    assert b"owner.example" not in raw.lower()
    assert b"=owner" not in raw.lower()


INNER = f"""From: {OWNER}
Subject: =?utf-8?b?{base64.b64encode(OWNER.encode()).decode()}?=
X-Other: {OWNER}
Content-Transfer-Encoding: quoted-printable

dear ann.real+=
home=40owner.exam=
ple"""
ENCODERS = {"base64": base64.encodebytes, "quoted-printable": quopri.encodestring}


def encoded_mail(inner: str, encoding: str, disposition: str = "inline") -> str:
    encoded = ENCODERS[encoding](inner.encode()).decode()
    return f"""Content-Type: message/rfc822; name="a.eml"
Content-Transfer-Encoding: {encoding}
Content-Disposition: {disposition}

{encoded}"""


@pytest.mark.parametrize("disposition", ["inline", "attachment; filename=a.eml"])
@pytest.mark.parametrize("encoding", ENCODERS)
@pytest.mark.parametrize("levels", [1, 3])
def test_the_owners_address_is_replaced_in_encoded_attached_mails(
    encoding: str, disposition: str, levels: int
) -> None:
    part = INNER
    for _ in range(levels):
        part = encoded_mail(part, encoding, disposition)
    raw = reply(
        a_mail('Content-Type: multipart/mixed; boundary="b"', body=f"--b\n\nx\n--b\n{part}\n--b--")
    )

    mail = read(raw)
    innermost = list(mail.walk())[-1]
    assert b"owner.example" not in raw
    assert (innermost["From"], innermost["Subject"]) == (MASK, MASK)
    assert innermost["X-Other"] is None
    assert innermost.get_content().strip() == f"dear {MASK}"


ESCAPED = "".join(f"\\{c}" for c in OWNER)
IN_WORDS = f"=?utf-8?b?{base64.b64encode(OWNER.encode()).decode()}?="
MANY_ESCAPED = "\n ".join([r"\a" * 101] * 5)
LONG = "\n ".join(["x" * 900] * 18)


@pytest.mark.parametrize(
    "head",
    [
        f'Content-Disposition: attachment; filename="{OWNER}.pdf"',
        "Content-Disposition: attachment; filename*=utf-8''" + OWNER.replace("@", "%40"),
        'Content-Disposition: attachment; filename*0="ann.real+home"; filename*1="@owner.example"',
        'Content-Disposition: attachment; filename*1="@owner.example"; filename*0="ann.real+home"',
        f"Content-Disposition: attachment; {OWNER}=1",
        f"Content-Type: application/{OWNER}",
        f"Content-ID: <{OWNER}>",
        "Content-Description: =?utf-8?q?ann.real=2Bhome=40ow?=\r\n =?utf-8?q?ner.example?=",
        f"X-Other: {OWNER}",
        # Only the start of an over-long value is read, and the first of two parameters.
        f'Content-Disposition: attachment; filename="{MANY_ESCAPED}\n {ESCAPED}"',
        f'Content-Disposition: attachment; filename="{MANY_ESCAPED}\n {IN_WORDS}"',
        f'Content-Disposition: attachment; filename="{LONG}\n {IN_WORDS}"',
        f"Content-Description: {LONG}\n {IN_WORDS}",
        f'Content-Disposition: attachment; filename="a"; filename="{ESCAPED}"',
        f'Content-Disposition: attachment; filename="a"; filename="{IN_WORDS}"',
        f"Content-Disposition: attachment; filename=\"{IN_WORDS}\"; filename*=utf-8''a",
        f'Content-Disposition: attachment; filename="a"; filename*1=b; filename*1="{IN_WORDS}"',
    ],
)
def test_no_field_of_a_part_reveals_the_owner(head: str) -> None:
    body = f"--b\n\nx\n--b\n{head}\n\ny\n--b--"

    raw = reply(a_mail('Content-Type: multipart/mixed; boundary="b"', body=body))

    *_, part = read(raw).walk()
    assert b"owner.example" not in raw.replace(b"\\", b"")
    assert IN_WORDS.encode() not in raw
    assert "owner.example" not in f"{part.get_filename()}{part['Content-Description']}"


@pytest.mark.parametrize("kind", ["calendar", "x-vcalendar", "vcard"])
def test_the_owners_address_is_replaced_in_folded_lines_of_cards(kind: str) -> None:
    raw = reply(
        a_mail(f"Content-Type: text/{kind}", body="X:mailto:ann.real+home@ow\n ner.example")
    )

    assert texts(read(raw)) == [f"X:mailto:{MASK}\r\n"]


def test_attached_files_stay_unchanged() -> None:
    content = base64.b64encode(b"%PDF " + OWNER.encode()).decode()
    body = f"""--b

hello
--b
Content-Type: application/pdf
Content-Disposition: attachment; filename="a.pdf"
Content-Transfer-Encoding: base64

{content}
--b--
"""
    mail = read(reply(a_mail('Content-Type: multipart/mixed; boundary="b"', body=body)))

    _, pdf = list(mail.iter_parts())
    assert pdf.get_payload(decode=True) == b"%PDF " + OWNER.encode()


@pytest.mark.parametrize("text", [f"x{OWNER}", f"xy.{OWNER}", "ann@owner.example"])
def test_other_addresses_stay_unchanged(text: str) -> None:
    assert owner_replacer([OWNER], MASK)(text) == text


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("<ann+shop@owner.example>", f"<{MASK}>"),
        ("Ann+Shop.2@Owner.Example", MASK),
        ("ann+@owner.example", MASK),
        ("ann%2Bshop%40owner.example", MASK.replace("@", "%40")),
        ("ann&plus;sh&#111;p&commat;owner.example", MASK),
        ("ann=2Bshop=40owner.example", MASK),
        ("joann+shop@owner.example", "joann+shop@owner.example"),
        ("ann+shop@b.example, c@owner.example", "ann+shop@b.example, c@owner.example"),
    ],
)
def test_an_address_is_replaced_with_any_tag(written: str, expected: str) -> None:
    assert owner_replacer(["ann@owner.example"], MASK)(written) == expected


@given(st.text(), st.text())
def test_the_owners_address_never_survives(before: str, after: str) -> None:
    hidden = owner_replacer([OWNER], MASK)(f"{before} {OWNER} {after}")

    assert f" {OWNER} " not in hidden


@given(st.binary(max_size=2_000))
def test_any_bytes_become_a_valid_mail(raw: bytes) -> None:
    read(reply(raw))
