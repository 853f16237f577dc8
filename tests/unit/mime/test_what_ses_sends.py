"""What SES receives, it also sends: the sender's length, the size. Lesson 45.

The stand-in for SES judges the results, by Python's own mail parser.
"""

from collections.abc import Callable
from dataclasses import replace
from email.header import Header

import pytest

from emails.mime import rewrite_forward as module
from emails.mime.fields import decoded
from emails.mime.header_block import unfolded
from emails.mime.plans import Note, Rewritten
from emails.mime.rewrite_forward import rewrite_forward
from emails.values.errors import Unsendable
from tests.unit.mime.builders import FORWARD, MASK, a_mail, attachment, forward, read, texts

pytestmark = pytest.mark.slow

LONG = "a" * 64 + "@" + ".".join(["b" * 58] * 3) + ".example"


LONG_NAME = "株式会社日本総合研究所お客様センター" * 4

# What a sender is called, with an address: what the owner sees of it.
SENDERS: dict[str, tuple[str, str, str]] = {
    "short": ("Bob", "bob@sender.example", "Bob <bob@sender.example>"),
    "Russian": (
        "Российский национальный коммерческий банк — служба поддержки клиентов",
        "bob@sender.example",
        "Российский национальный коммерческий банк — служба поддержки к… <bob@sender.example>",
    ),
    "Japanese": (LONG_NAME, "order@shop.example", f"{LONG_NAME[:43]}… <order@shop.example>"),
    "emoji": ("🎉" * 70, "a@b.example", "🎉" * 34 + "… <a@b.example>"),
    "a long address": ("", LONG, LONG),
    "a long address and a name": ("Robert " * 9, LONG, LONG),
    "ASCII": ("x" * 70, "a@b.example", "x" * 70 + " <a@b.example>"),
    "an address longer than any": ("Bob", "b" * 242 + "@sender.example", "Bob"),
    "nothing but that": ("", "b" * 242 + "@sender.example", "unknown sender"),
    "nobody": ("", "", "unknown sender"),
}


@pytest.mark.parametrize("sender", SENDERS)
def test_as_much_of_the_sender_is_shown_as_ses_accepts(sender: str) -> None:
    name, address, expected = SENDERS[sender]
    written = Header(name, "utf-8").encode() if not name.isascii() else name
    mail = a_mail(From=f"{written} <{address}>".replace("\n", "\r\n").strip() if address else "")

    raw = forward(mail).raw

    value = unfolded(raw.partition(b"\r\nTo: ")[0].removeprefix(b"From: "))
    shown = decoded(value).removesuffix(f" <{MASK}>").strip('"')
    assert shown == f"{expected} [via Relay]"
    (box,) = read(raw)["From"].addresses
    assert box.addr_spec == MASK


MASKS = [MASK, "s" * 64 + "@" + "a" * 60 + ".masks.example", "x@" + ".".join(["m" * 60] * 5)]
NAMES = ["Bob", "Ж" * 33, "ж" * 70, "日" * 70, "\U0001f389" * 70, '"\\' * 30, "a b " * 20, "é" * 69]
ADDRESSES = [
    "b@s.example",
    "b" * 64 + "@s.example",
    LONG,
    "ä@bücher.example",
    "ж" * 60 + "@ж.example",
]


@pytest.mark.parametrize("mask", MASKS, ids=len)
@pytest.mark.parametrize("address", ADDRESSES, ids=len)
def test_every_sender_fits(mask: str, address: str) -> None:
    for name in NAMES:
        mail = a_mail(From=f"{Header(name, 'utf-8', 998).encode()} <{address}>")

        raw = forward(mail, mask=mask).raw

        value = raw.partition(b"\r\nTo: ")[0].removeprefix(b"From: ")
        assert len(value) <= 320
        (box,) = read(raw)["From"].addresses
        assert box.addr_spec == mask


def test_a_shortened_sender_is_an_issue_and_a_whole_one_is_none() -> None:
    assert "header_cut" in forward(a_mail(From="Ж" * 70 + " <b@s.example>")).issues
    assert "header_cut" not in forward(a_mail(From="Ж" * 20 + " <b@s.example>")).issues


def sized(monkeypatch: pytest.MonkeyPatch, limit: int, mail: bytes) -> Rewritten:
    """Forward a mail where SES sends fewer octets."""
    monkeypatch.setattr(module, "MAX_MAIL_BYTES", limit)
    rewritten = rewrite_forward(mail, FORWARD)
    assert len(rewritten.raw) <= limit
    return rewritten


def test_the_note_is_left_out_where_a_mail_would_become_too_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mail = attachment('Content-Disposition: attachment; filename="a.pdf"', body="UERG" * 500)
    with_note = forward(mail)

    exact = sized(monkeypatch, len(with_note.raw), mail)
    less = sized(monkeypatch, len(with_note.raw) - 1, mail)

    assert exact == with_note
    assert "note_left_out" in less.issues
    assert "note_left_out" not in exact.issues
    assert b"[NOTE]" not in less.raw
    assert texts(read(less.raw))[0] == "See it."


def test_without_a_note_trackers_are_removed_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    body = '<img src="https://t.example/x.gif">' + "<p>hello</p>" * 50
    mail = a_mail("Content-Type: text/html; charset=utf-8", body=body)
    plan = replace(FORWARD, trackers=frozenset({"t.example"}), warning_url="https://w.example/")
    whole = rewrite_forward(mail, plan)
    monkeypatch.setattr(module, "MAX_MAIL_BYTES", len(whole.raw) - 1)

    rewritten = rewrite_forward(mail, plan)

    assert b"[NOTE]" not in rewritten.raw
    assert b"https://t.example" not in rewritten.raw
    assert rewritten.trackers_removed == whole.trackers_removed


LETTERS: dict[str, Callable[[], str]] = {
    "mostly ASCII": lambda: "caf\u00e9 and a long line of plain words\n" * 300,
    "without line ends": lambda: "plain words and one \u00e9" * 500,
    "Cyrillic": lambda: "\u0436\u0438\u0437\u043d\u044c\n" * 300,
}


@pytest.mark.parametrize(("letters", "encoding"), [
    ("mostly ASCII", "quoted-printable"),
    ("without line ends", "quoted-printable"),
    ("Cyrillic", "base64"),
])  # fmt: skip
def test_a_text_gets_its_smaller_encoding_where_base64_would_be_too_large(
    monkeypatch: pytest.MonkeyPatch, letters: str, encoding: str
) -> None:
    text = LETTERS[letters]()
    head = "Content-Type: text/csv; charset=utf-8\nContent-Disposition: attachment; filename=a.csv"
    mail = a_mail(
        "Content-Type: multipart/mixed; boundary=b",
        body=f"--b\n\nhi\n--b\n{head}\nContent-Transfer-Encoding: 8bit\n\n{text}\n--b--\n",
    )
    whole = forward(mail)
    assert b"base64" in whole.raw

    monkeypatch.setattr(module, "MAX_MAIL_BYTES", len(whole.raw) - 1)
    rewritten = rewrite_forward(mail, FORWARD)

    (part,) = (one for one in read(rewritten.raw).walk() if one.get_filename())
    assert part["Content-Transfer-Encoding"] == encoding
    assert bytes(part.get_payload(decode=True) or b"") == text.replace("\n", "\r\n").encode()
    assert (b"[NOTE]" in rewritten.raw) is (encoding == "quoted-printable")


def test_what_stays_too_large_cannot_be_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_MAIL_BYTES", 1_000)

    with pytest.raises(Unsendable) as unsendable:
        rewrite_forward(a_mail(body="x" * 1_001), FORWARD)

    assert unsendable.value.reason == "too_large"


def test_a_mail_of_forty_megabytes_is_forwarded_without_a_note() -> None:
    """As SES receives it: it has nothing to spare."""
    limit = 40 * 1024 * 1024
    line = "x" * 76 + "\r\n"
    mail = attachment('Content-Disposition: attachment; filename="a.pdf"', body="BODY")
    mail = b"Received: from a.example\r\n by b.example\r\n" * 20 + mail
    mail = mail.replace(b"BODY", (line * ((limit - len(mail)) // len(line) - 1)).encode())
    assert limit - 200 < len(mail) < limit

    long_note = Note("x" * 990, "")

    rewritten = forward(mail, make_note=lambda *_: long_note)

    assert "note_left_out" in rewritten.issues
    assert limit - 2_000 < len(rewritten.raw) <= limit
