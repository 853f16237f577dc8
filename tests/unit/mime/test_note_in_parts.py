"""The note stands once in a mail of several texts: at its very top, or at its very bottom."""

import re
from dataclasses import replace
from email.message import EmailMessage

import pytest

from emails.mime.rewrite_forward import rewrite_forward
from tests.mime_checker import check_forward
from tests.unit.mime.builders import FORWARD, MASK, OWNER, a_mail, read

TEXT = ["Content-Type: text/plain", "", "{}"]
HTML = ["Content-Type: text/html", "", "<p>{}</p>"]
PDF = ["Content-Type: application/pdf", "Content-Disposition: attachment", "", "UERG"]


def multipart(subtype: str, *parts: list[str]) -> list[str]:
    boundary = f"{subtype}{len(str(parts))}"
    lines = [f"Content-Type: multipart/{subtype}; boundary={boundary}", ""]
    for part in parts:
        lines += [f"--{boundary}", *part]
    return [*lines, f"--{boundary}--", ""]


SIGNED = multipart("signed", TEXT, ["Content-Type: application/pgp-signature", "", "sig"])
SHAPES = {
    "text": (TEXT, [0], [0]),
    "alternative": (multipart("alternative", TEXT, HTML), [0, 1], [0, 1]),
    "two texts": (multipart("mixed", TEXT, PDF, TEXT), [0], [1]),
    "HTML and a list's footer": (multipart("mixed", HTML, TEXT), [0], [1]),
    "alternative and a list's footer": (
        multipart("mixed", multipart("alternative", TEXT, HTML), TEXT),
        [0, 1],
        [2],
    ),
    "Apple Mail: text, or HTML around a file": (
        multipart("alternative", TEXT, multipart("mixed", HTML, PDF, HTML)),
        [0, 1],
        [0, 2],
    ),
    "text, or HTML with its pictures": (
        multipart("alternative", TEXT, multipart("related", HTML, PDF)),
        [0, 1],
        [0, 1],
    ),
    "a file alone": (PDF, [0], [0]),
    "signed": (SIGNED, [], []),
    "signed and a list's footer": (multipart("mixed", SIGNED, TEXT), [0], [1]),
    "text and a signed part": (multipart("mixed", TEXT, SIGNED), [0], [2]),
}


def shown(mail: EmailMessage) -> list[str]:
    return [
        str(part.get_payload()) for part in mail.walk() if part.get_content_maintype() == "text"
    ]


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("at_top", [True, False])
def test_the_note_is_once_in_a_mail_and_never_in_its_middle(name: str, at_top: bool) -> None:
    """Beside a file or a signed part, it is a part of its own; a signed mail doesn't show it."""
    shape, first, last = SHAPES[name]
    count = str(shape).count("{}")
    text = "\n".join(shape)
    for number in range(count):
        text = text.replace("{}", f"text {number}", 1)
    head, _, body = text.partition("\n\n")
    raw = a_mail(*head.split("\n"), body=body)

    written = rewrite_forward(raw, replace(FORWARD, has_note_on_top=at_top)).raw

    texts = shown(read(written))
    assert [at for at, one in enumerate(texts) if "[NOTE]" in one] == (first if at_top else last)
    for one in texts:
        # The last: hidden, it may be repeated above for the inbox.
        if "[NOTE]" in one and (own := re.findall(r"text \d", one)):
            assert (one.index("[NOTE]") < one.rindex(own[-1])) is at_top
    assert check_forward(raw, written, mask=MASK, recipient=OWNER) == []


def test_a_mail_without_a_note_keeps_its_texts_byte_for_byte() -> None:
    body = "\n".join(multipart("alternative", TEXT, HTML))
    head, _, body = body.partition("\n\n")
    raw = a_mail(*head.split("\n"), body=body)

    written = rewrite_forward(raw, replace(FORWARD, make_note=lambda *_: None))

    assert written.raw.endswith(raw.partition(b"\r\n\r\n")[2])
    assert "note_left_out" not in written.issues
