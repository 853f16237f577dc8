"""The judge itself: it finds what is lost, and forgives what we change on purpose."""

from dataclasses import replace

import pytest

from tests.judge.reading import Attachment, Reading
from tests.judge.verdict import NOTE, differences, lost

FILE = Attachment("a.txt", "1@sender.example", "text/plain", b"x")
BEFORE = Reading(
    name="Bob",
    address="bob@sender.example",
    subject="hello",
    date="2026-11-02T10:00:00+00:00",
    message_id="<2@sender.example>",
    in_reply_to=("<1@sender.example>",),
    references=("<0@sender.example>", "<1@sender.example>"),
    text="the words",
    html="<p>the words</p>",
    attachments=(FILE,),
)
AFTER = replace(
    BEFORE,
    name="Bob <bob@sender.example> [via Relay]",
    address="mask@masks.example",
    message_id="",
    references=(*BEFORE.references, BEFORE.message_id),
    text=f"the words\n\n-- \n{NOTE}\n",
    html=f"<p>the words</p><p>{NOTE}</p>",
)
MAIL = Attachment("c.eml", "", "message/rfc822", "To: \u00e4\n\nx".encode())


def test_a_forwarded_mail_has_all_that_it_had() -> None:
    assert list(differences(BEFORE, AFTER)) == []


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("sender", replace(AFTER, name="Bob [via Relay]")),
        ("sender", replace(AFTER, name="bob@sender.example [via Relay]")),
        ("subject", replace(AFTER, subject="hell")),
        ("subject", replace(AFTER, subject="hello\ufffd!")),
        ("date", replace(AFTER, date="2026-11-02T11:00:00+00:00")),
        ("date", replace(AFTER, date="")),
        ("thread", replace(AFTER, references=BEFORE.references)),
        ("thread", replace(AFTER, in_reply_to=())),
        ("text", replace(AFTER, text="the word")),
        ("text", replace(AFTER, text="the words, and more")),
        ("HTML", replace(AFTER, html="<p>words</p>")),
        ("attachments", replace(AFTER, attachments=())),
        ("attachments", replace(AFTER, attachments=(FILE, FILE))),
        ("attachments", replace(AFTER, attachments=(replace(FILE, name="b.txt"),))),
        ("attachments", replace(AFTER, attachments=(replace(FILE, content_id=""),))),
        ("attachments", replace(AFTER, attachments=(replace(FILE, octets=b"y"),))),
    ],
)
def test_what_is_lost_is_found(field: str, changed: Reading) -> None:
    assert list(differences(BEFORE, changed)) == [field]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (replace(BEFORE, name="bob@other.example"), replace(AFTER, name="bob@sender.example")),
        (replace(BEFORE, subject="h\ufffdllo"), AFTER),
        (replace(BEFORE, date=""), replace(AFTER, date="2026-11-03T00:00:00+00:00")),
        (replace(BEFORE, message_id="<\u00e4@sender.example>"), AFTER),
        (replace(BEFORE, subject="a" * 300), replace(AFTER, subject="a" * 260 + "\u2026")),
        (
            replace(BEFORE, attachments=(MAIL,)),
            replace(
                AFTER, attachments=(replace(MAIL, octets=b"To:\r\n =?utf-8?q?=C3=A4?=\r\n\r\nx"),)
            ),
        ),
        (BEFORE, replace(AFTER, attachments=(FILE, Attachment("", "", "text/plain", b"[NOTE]")))),
        (
            replace(BEFORE, attachments=(replace(FILE, name="a.exe"),)),
            replace(AFTER, attachments=(replace(FILE, name="a.exe.renamed"),)),
        ),
    ],
)
def test_what_we_change_on_purpose_is_forgiven(before: Reading, after: Reading) -> None:
    assert list(differences(before, after)) == []


def test_a_mail_counts_as_lost_when_two_readers_agree() -> None:
    without = replace(AFTER, subject="")
    before = {"a": BEFORE, "b": BEFORE, "c": BEFORE}

    assert lost(before, {"a": without, "b": AFTER, "c": AFTER}) == []
    assert lost(before, {"a": without, "b": AFTER, "c": without}) == ["subject: a, c"]
    assert lost(before, {"a": without, "b": replace(AFTER, date=""), "c": AFTER}) == []
