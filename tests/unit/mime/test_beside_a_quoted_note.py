"""What is left of a text from which our note was taken: all that is not the note."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emails.mime.plans import Rewritten
from emails.mime.rewrite_reply import rewrite_reply
from emails.rules.notes import Replies
from tests.unit.mime.builders import MASK, REPLY, a_mail, read
from tests.unit.mime.quoted_notes import (
    BODY,
    FORMER,
    WORDINGS,
    a_note,
    as_html,
    forwarded_text,
    note_above,
    remove,
)


@pytest.mark.parametrize(
    "written",
    [
        f"Write to {MASK}.",
        f"Sent to your mask {MASK}.org",
        f"Sent to your mask {MASK}-x",
        "2 trackers were removed:\ndoubleclick.net (2)",
        f"Sent to your other mask {MASK}",
        f"Forwarded from your mask {MASK}. Your reply",
    ],
)
def test_what_resembles_the_note_stays(written: str) -> None:
    assert remove(written, False) == written
    assert remove(as_html(written), True) == as_html(written)


@pytest.mark.parametrize(
    ("written", "left"),
    [
        (f"Sent to your mask {MASK} Hi Bob", "Hi Bob"),
        (f"> Sent to your mask {MASK} Hi Bob", "> Hi Bob"),
        (f"look: Sent to your mask {MASK}\nHi", "look: \nHi"),
        (f"> Sent to your mask {MASK}\nMy answer\n", "My answer\n"),
        (f"> Sent to your mask {MASK}\n\nMy answer\n", "\nMy answer\n"),
    ],
)
def test_what_the_owner_wrote_beside_the_note_stays(written: str, left: str) -> None:
    assert remove(written, False) == left


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("<div>{} Hi Bob</div>", "<div> Hi Bob</div>"),
        ("<div>{}<p>Hi Bob</p></div>", "<div><p>Hi Bob</p></div>"),
        ("<td>{}</td>", "<td></td>"),
        ("<p>a<div>{}</div>b", "<p>ab"),
        ("{}", ""),
    ],
)
def test_elements_with_other_content_stay(written: str, left: str) -> None:
    assert remove(written.format(f"Sent to your mask {MASK}"), True) == left


def test_tags_that_something_else_needs_stay() -> None:
    note = f"<b>Sent to</b> your mask <i>{MASK}"

    assert remove(f"<div>x{note} Hi</i></div>", True) == "<div>x<i> Hi</i></div>"


FOOTER = FORMER["en"]


def test_a_tracker_after_the_list_stays() -> None:
    left = remove(
        f"{FOOTER}\n2 trackers were removed: t.example (2)\nour site: a.example (1)\n", False
    )
    beside = remove(
        f"<div>{FOOTER} 2 trackers were removed: t.example (2)</div>a.example (1)", True
    )

    assert left == "our site: a.example (1)\n"
    assert beside == "a.example (1)"


def test_a_sentence_after_a_list_that_was_cut_off_stays() -> None:
    left = remove(f"-- \n{FOOTER}\n2 trackers were removed: see a.example (1)", False)

    assert left == "see a.example (1)"


def test_a_line_after_the_renamed_files_stays() -> None:
    note = a_note("en", (), Replies.SENT)

    left = remove(f"{note.text}\nMy answer, program.exe too\n", False)
    in_html = remove(f"{note.html}My answer", True)

    assert left == "My answer, program.exe too\n"
    assert in_html == "My answer"


_LINK = re.compile(r"/emails/note/\w+/[\w-]{8,}")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("Forwarded from your mask", "Weitergeleitet an"),
        lambda text: text.replace(MASK, "y8m3@masks.example"),
        lambda text: text.replace("https://", "https%3A%2F%2F").replace("/", "%2F"),
    ],
)
@pytest.mark.parametrize("is_html", [True, False])
def test_no_link_of_a_note_goes_out_even_if_the_note_was_changed(
    change: Callable[[str], str], is_html: bool
) -> None:
    note = a_note("en", (), Replies.SENT)
    written = change(note.html if is_html else note.text)
    token = _LINK.findall(note.text)[0].rpartition("/")[2]
    assert token in written

    assert token not in remove(written, is_html)


def rewritten(raw: bytes, *, removes: bool) -> Rewritten:
    return rewrite_reply(raw, replace(REPLY, note_wordings=WORDINGS if removes else ()))


@pytest.mark.parametrize("content_type", ["text/plain", "text/html"])
def test_a_reply_goes_out_without_the_note(content_type: str) -> None:
    note = note_above("fr")
    body = forwarded_text(note) if content_type == "text/plain" else note.html_above + BODY
    raw = a_mail(f"Content-Type: {content_type}; charset=utf-8", body=f"Oui.\n{body}")

    content = read(rewritten(raw, removes=True).raw).get_content()

    assert "masque" not in content
    assert "/emails/note/" not in content
    assert "Oui." in content
    assert "Good morning." in content


_PIECES = (
    *("Sent to your mask", MASK, ">", "\n", "<div>", "</div>", "&gt;", "&amp", "<", "--", "-- \n"),
    *("1 tracker was removed:", "a.example (1)", "é", "<br>", "<!--", "-->", "hello"),
)
_WORDS = st.lists(st.sampled_from(_PIECES), max_size=30)


@given(words=_WORDS, subtype=st.sampled_from(["plain", "html"]))
def test_a_reply_without_the_note_is_as_before(words: list[str], subtype: str) -> None:
    body = "".join(words).replace("your", "their")
    raw = a_mail(f"Content-Type: text/{subtype}; charset=utf-8", body=body)

    assert rewritten(raw, removes=True) == rewritten(raw, removes=False)


@given(words=_WORDS, is_html=st.booleans())
def test_only_the_note_is_taken_out_of_any_text(words: list[str], is_html: bool) -> None:
    text = " ".join(words)

    left = remove(text, is_html)

    assert left.count("hello") == text.count("hello")
    assert left.count("é") == text.count("é")
    assert len(left) <= len(text)
