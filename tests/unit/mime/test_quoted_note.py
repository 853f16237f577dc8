"""Our note does not go out in replies, whatever a mail program did to the quote."""

import html
import re
from collections.abc import Callable

import pytest

from tests.unit.mime.builders import MASK
from tests.unit.mime.quoted_notes import (
    BODY,
    KINDS,
    LANGUAGES,
    RENAMED,
    TRACKERS,
    as_html,
    forwarded_text,
    note_above,
    note_below,
    quoted,
    remove,
    rewrapped,
)

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
    above, below = note_above("en").above, note_below("en").below

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
