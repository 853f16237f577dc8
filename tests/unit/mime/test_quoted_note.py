"""Our note does not go out in replies, whatever a mail program did to the quote."""

import html
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emails.edges.note import forward_note, note_wordings, sample_plan
from emails.mime.plans import Note, Rewritten
from emails.mime.quoted_note import note_remover
from emails.mime.rewrite_reply import rewrite_reply
from emails.rules.notes import Replies
from emails.rules.warnings import MailWarning
from emails.values.facts import NotePlace
from tests.unit.mime.builders import MASK, NOW, REPLY, a_mail, read

LANGUAGES = ("en", "de", "es", "fr")
WORDINGS = note_wordings(MASK, LANGUAGES)
TRACKERS = {"doubleclick.net": 2, "t.yesware.com": 1}
RENAMED = ["server.crt", "very long name of a program.exe"]
BODY = "Good morning.\n\nSee you at a.example (1), -- Bob"
remove = note_remover(WORDINGS)


@dataclass(frozen=True)
class Written:
    """A mail's note as it was written above and below the mail, as text and as HTML."""

    above: str = ""
    below: str = ""
    html_above: str = ""
    html_below: str = ""


def _note(language: str, warnings: tuple[MailWarning, ...], replies: Replies) -> Note:
    plan = replace(sample_plan(MASK, language, NotePlace.BOTTOM, warnings), replies=replies)
    note = forward_note(plan, NOW, TRACKERS, RENAMED, secret=b"x")
    assert note is not None
    return note


def _former(language: str) -> Written:
    """The note of mails that were forwarded by an older version: a header and a footer."""
    wording = next(one for one in WORDINGS if one.footers[0] == _FORMER[language])
    lines = [wording.trackers[1].replace("\ue000", "3"), "doubleclick.net (2)", "t.yesware.com (1)"]
    names = [wording.renamed[1], *RENAMED]
    listed = f"{lines[0]} {', '.join(lines[1:])}"
    box = '<div style="margin:16px 0 0;padding:8px 12px">'
    return Written(
        above=f"{wording.header}\n\n",
        below="\n\n-- \n" + "\n".join([wording.footers[0], *lines, *names]) + "\n",
        html_above=f"{box}{wording.header}</div>",
        html_below=f"{box}{wording.footers[0]}<br>{listed}</div>"
        f"{box}{names[0]} {', '.join(names[1:])}</div>\n",
    )


_FORMER = {
    "en": f"Forwarded from your mask {MASK}. Your reply will be sent from it, too.",
    "de": f"Weitergeleitet von Ihrer Maske {MASK}. Auch Ihre Antwort geht von ihr aus.",
    "es": f"Reenviado desde su máscara {MASK}. Su respuesta también saldrá de ella.",
    "fr": f"Transféré depuis votre masque {MASK}. Votre réponse partira aussi de ce masque.",
}


def _below(language: str) -> Written:
    note = _note(language, (), Replies.SENT)
    return Written(below=f"\n\n-- \n{note.text}\n", html_below=f"<div>{note.html}</div>")


def _above(language: str) -> Written:
    note = _note(language, (), Replies.ONE_IS_FREE)
    return Written(above=f"{note.text}\n\n", html_above=f"<div>{note.html}</div>")


def _warning(language: str) -> Written:
    warnings = (MailWarning.FAILS_DMARC, MailWarning.SPAM)
    note = _note(language, warnings, Replies.NEED_PREMIUM)
    return Written(above=f"{note.text}\n\n", html_above=f"<div>{note.html}</div>")


KINDS: dict[str, Callable[[str], Written]] = {
    "below": _below,
    "above": _above,
    "with warnings": _warning,
    "an older version's": _former,
}


def forwarded_text(note: Written) -> str:
    """As `place_note.py` writes it."""
    return f"{note.above}{BODY}{note.below}"


def as_html(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")


def quoted(text: str, signs: str = "> ") -> str:
    return "".join(f"{signs}{line}".rstrip(" ") + "\n" for line in text.splitlines())


def rewrapped(text: str, width: int) -> str:
    lines = (
        textwrap.wrap(line, width, break_long_words=False) or [""] for line in text.split("\n")
    )
    return "\n".join(line for several in lines for line in several)


IN_TEXT: dict[str, Callable[[str], str]] = {
    "Gmail: rewrapped, no blank after the delimiter": lambda text: quoted(
        rewrapped(text.replace("-- \n", "--\n"), 74)
    ),
    "Thunderbird: each line quoted": quoted,
    "Thunderbird: quoted twice": lambda text: quoted(text, ">> "),
    "Apple Mail: blanks that don't break": lambda text: quoted(text.replace("-- ", "--\xa0")),
    "Outlook: no signs, CRLF": lambda text: text.replace("\n", "\r\n"),
    "Outlook: links behind addresses": lambda text: text.replace(
        MASK, f"{MASK}<mailto:{MASK}>"
    ).replace("doubleclick.net", "doubleclick.net<http://doubleclick.net/>"),
    "narrow": lambda text: quoted(rewrapped(text, 40)),
    "signs, then blanks": lambda text: quoted(text, " >  "),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("program", IN_TEXT)
def test_the_note_is_taken_out_of_quoted_text(program: str, language: str, kind: str) -> None:
    quote, note = IN_TEXT[program], KINDS[kind](language)
    before, after = "Sure!\n\nOn Monday, Bob wrote:\n", "\n-- \nAnn\n"

    left = remove(before + quote(forwarded_text(note).rstrip("\n") + "\n") + after, False)

    assert left == before + quote(f"{BODY}\n") + after


_DIV = re.compile(r"<div\b[^<>]*>")
_STYLED = '<div style="margin:16px 0 0;border:1px solid rgb(201,201,212)">'
_WORD_BREAK = re.compile(r"(?<=[a-z]) (?=[a-z][^<>]*<)")


def _outlook(page: str) -> str:
    page = _DIV.sub("<p class=MsoNormal><span style='color:#20203A'>", page)
    page = page.replace("</div>", "<o:p></o:p></span></p>\r\n").replace("<br>", "<br>\r\n")
    return page.replace("Bob", "<b>Bob</b>")


IN_HTML: dict[str, Callable[[str], str]] = {
    "as it was": lambda page: page,
    "Gmail: other styles, links": lambda page: (
        _DIV.sub(_STYLED, page)
        .replace(MASK, f'<a href="mailto:{MASK}" target="_blank">{MASK}</a>')
        .replace("doubleclick.net", '<a href="http://doubleclick.net">doubleclick.net</a>')
    ),
    "Gmail: no styles": lambda page: _DIV.sub("<div>", page),
    "Outlook: paragraphs and spans": _outlook,
    "Outlook on the web: nested": lambda page: _DIV.sub(
        '<div class="x_note"><div><font size="2">', page
    ).replace("</div>", "</font></div></div>"),
    "Apple Mail: wrapped source, blanks that don't break": lambda page: _WORD_BREAK.sub(
        "\n&nbsp;", page
    ),
    "Thunderbird: links in addresses": lambda page: page.replace(
        MASK, f'<a class="moz-txt-link-abbreviated" href="mailto:{MASK}">{MASK}</a>'
    ),
    "entities": lambda page: "".join(
        f"&#{ord(one)};" if one in "@éáöß“”„«»" else one for one in page
    ),
    "named entities": lambda page: page.replace("é", "&eacute;").replace("@", "&commat;"),
    "a tag between the words": lambda page: _WORD_BREAK.sub(" <wbr>", page),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("program", IN_HTML)
def test_the_note_is_taken_out_of_quoted_html(program: str, language: str, kind: str) -> None:
    note, rewrite = KINDS[kind](language), IN_HTML[program]
    before, after = '<div>Sure!</div><blockquote type="cite">', "</blockquote><div>Ann</div>"
    body = "<p>Good morning.</p>at a.example (1), -- Bob"

    left = remove(before + rewrite(note.html_above) + body + rewrite(note.html_below) + after, True)

    assert re.sub(r"\s+(?=<)", "", left) == before + body + after


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_note_is_taken_out_of_text_that_was_made_html(language: str, kind: str) -> None:
    text = forwarded_text(KINDS[kind](language))

    left = remove(f"<blockquote>{as_html(text)}</blockquote>", True)
    in_lines = remove(f"<pre>{html.escape(quoted(text))}</pre>", True)

    assert left.replace("<br></blockquote>", "</blockquote>") == (
        f"<blockquote>{as_html(BODY)}</blockquote>"
    )
    assert "Good morning." in in_lines
    assert "Bob" in in_lines
    assert MASK not in in_lines
    assert not any(name in in_lines for name in (*TRACKERS, *RENAMED))


@pytest.mark.parametrize("end", ["", "\n", "\n\n", "\n\n\n"])
def test_the_texts_own_empty_lines_stay(end: str) -> None:
    above, below = _above("en").above, _below("en").below

    assert remove(quoted(f"\nHello.{end}{below}"), False) == quoted(f"\nHello.{end or chr(10)}")
    assert remove(quoted(f"{above}\nHello.{end or chr(10)}"), False) == quoted(
        f"\nHello.{end or chr(10)}"
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_of_many_quoted_notes_is_taken_out(language: str, kind: str) -> None:
    text = forwarded_text(KINDS[kind](language)).removesuffix("\n") + "\n"
    thread = "Sure!\n" + quoted(text) + quoted(text, ">> ") + quoted(text, ">>> ")

    left = remove(thread, False)

    assert MASK not in left
    assert "doubleclick.net" not in left
    assert left.count("Good morning.") == 3


def test_the_note_that_mails_had_before_is_taken_out() -> None:
    text = f"> Forwarded from your mask {MASK}. Your answer goes out from it, too.\n> a\n"

    assert remove(text, False) == "> a\n"


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


FOOTER = _FORMER["en"]


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
    note = _note("en", (), Replies.SENT)

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
    note = _note("en", (), Replies.SENT)
    written = change(note.html if is_html else note.text)
    token = _LINK.findall(note.text)[0].rpartition("/")[2]
    assert token in written

    assert token not in remove(written, is_html)


def rewritten(raw: bytes, *, removes: bool) -> Rewritten:
    return rewrite_reply(raw, replace(REPLY, note_wordings=WORDINGS if removes else ()))


@pytest.mark.parametrize("content_type", ["text/plain", "text/html"])
def test_a_reply_goes_out_without_the_note(content_type: str) -> None:
    note = _above("fr")
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
