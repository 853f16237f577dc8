"""Where our note stands in HTML, apart from the mail's own elements, styles and preview."""

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emails.mime.html import scan
from emails.mime.note_in_html import note_edit

NOTE = "<p>[NOTE]</p>"
_OURS = re.compile(r'<div style="all:initial[^"]*">' + re.escape(NOTE) + "</div>")
_PREVIEW = re.compile(r'<div style="display:none!important;[^"]*" aria-hidden="true">([^<]*)</div>')


def with_note(html: str, *, at_top: bool = False) -> str:
    page = scan(html, frozenset(), "")
    return page.rewritten(note_edit(page, NOTE, at_top=at_top))


def marked(html: str, *, at_top: bool = False) -> str:
    """The HTML with an N for the note and its wrapper."""
    written, count = _OURS.subn("N", with_note(html, at_top=at_top))
    assert count == 1
    return _PREVIEW.sub("", written)


def style(html: str, *, at_top: bool = False) -> str:
    (found,) = _OURS.findall(with_note(html, at_top=at_top))
    return str(found)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<body>x</body>", "<body>xN</body>"),
        ("<body><a href=x>x</body>", "<body><a href=x>x</a>N</body>"),
        ("<body><table><tr><td>x</body>", "<body><table><tr><td>x</td></tr></table>N</body>"),
        ("<div hidden><b>x", "<div hidden><b>x</b></div>N"),
        ("x<!-- never closed", "xN<!-- never closed"),
        ("x<style>p{", "xN<style>p{"),
        ("x<a href='", "xN<a href='"),
        ("<body>x</body></html>footer", "<body>x</body></html>footerN"),
        ("<div>" * 400, "N" + "<div>" * 400),
    ],
)
def test_the_note_is_last_and_in_no_element_of_the_mail(html: str, expected: str) -> None:
    assert marked(html) == expected


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<body><div>x</div></body>", "<body>N<div>x</div></body>"),
        ("<div hidden><body>x</body>", "<div hidden><body></div>Nx</body>"),
        *(
            (f"<body> <!-- a -->{hidden}x</body>", f"<body> <!-- a -->{hidden}Nx</body>")
            for hidden in (
                '<div style="display:none">Sale!</div>',
                '<span class="preheader">Sale!</span>',
                '<DIV style="MAX-HEIGHT: 0px; overflow:hidden"><div>Sale!</div></DIV>',
                '<p style="font-size:1px;color:#fff">Sale!</p><div hidden>&zwnj;&nbsp;</div>',
                '<div style="mso-hide:all">Sale! <b>x</b></div>',
            )
        ),
        # Hidden, but no preview: the whole mail, or never closed.
        (
            '<div style="font-size:0"><table></table></div>',
            'N<div style="font-size:0"><table></table></div>',
        ),
        ('<div style="display:none">Sale!', 'N<div style="display:none">Sale!'),
        ('<div style="color:red">Sale!</div>', 'N<div style="color:red">Sale!</div>'),
    ],
)
def test_the_note_on_top_is_first_but_behind_the_preview_text(html: str, expected: str) -> None:
    assert marked(html, at_top=True) == expected


def test_without_a_preview_text_the_inbox_still_shows_how_the_mail_begins() -> None:
    body = "<style>p{}</style><!-- no --><p>Good&nbsp;morning, <b>Ann</b> &lt;3</p>" + "word " * 50

    written = with_note(f"<body>{body}</body>", at_top=True)

    (preview,) = _PREVIEW.findall(written)
    assert unescape(preview).startswith("Good morning, Ann <3 word")
    assert written.index(preview) < written.index(NOTE) < written.index(body)
    assert 100 < len(unescape(preview).strip()) <= 151


def test_a_short_mail_fills_the_preview_so_that_the_note_is_not_in_it() -> None:
    (preview,) = _PREVIEW.findall(with_note("Hi", at_top=True))

    assert unescape(preview).startswith("Hi ")
    assert len(unescape(preview)) >= 149


def test_a_mail_that_has_a_preview_text_or_its_note_below_gets_none() -> None:
    assert not _PREVIEW.search(with_note("<div hidden>Sale!</div>x", at_top=True))
    assert not _PREVIEW.search(with_note("x"))


@pytest.mark.parametrize(
    ("html", "is_flex"),
    [
        ("<style>body { margin:0; display : flex }</style>x", True),
        ("<style>html,body{color:red;display:inline-flex}</style>x", True),
        ('<body style="display:flex">x</body>', True),
        ("<style>div{display:flex}</style>x", False),
        ("<style>body{color:red}.a{display:flex}</style>x", False),
        ("<body><div style='display:flex'>x</div></body>", False),
    ],
)
def test_a_body_that_lays_out_in_rows_gives_the_note_its_own(html: str, is_flex: bool) -> None:
    assert ("body{flex-wrap:wrap!important}" in with_note(html)) is is_flex
    assert "flex:none!important" in style(html)
    assert "width:100%!important" in style(html)


@pytest.mark.parametrize(
    ("html", "align"),
    [
        ("<p>x</p>", "left"),
        ("<html dir=rtl><body>x</body></html>", "right"),
        ('<body dir="RTL">x</body>', "right"),
        ("<style>body{direction:rtl}</style><body>x</body>", "right"),
        ("<div dir='rtl'>x</div>", "right"),
        ("<p>x</p>" * 500 + "<p dir=rtl>x</p>", "left"),
    ],
)
def test_the_note_is_aligned_as_the_mail_is_written(html: str, align: str) -> None:
    assert f"text-align:{align}!important" in style(html)


@pytest.mark.parametrize(
    ("html", "scheme"),
    [
        ("x", "inherit"),
        ("<meta name='color-scheme' content='light dark'>x", "inherit"),
        (
            "<style>@media (prefers-color-scheme: dark){body{background:#000}}</style>x",
            "light dark",
        ),
    ],
)
def test_the_note_has_the_colour_scheme_of_the_mail(html: str, scheme: str) -> None:
    assert f"color-scheme:{scheme}!important" in style(html)


_PIECES = (
    *(
        "<div>",
        "</div>",
        "<div hidden>",
        "<a href=x>",
        "</a>",
        "<table><td>",
        "</table>",
        "<b>",
        "</b>",
    ),
    *("<style>", "</style>", "<!--", "-->", "<body>", "</body>", "</html>", "<head>", "</head>"),
    *(
        "<html dir=rtl>",
        "text",
        " ",
        "&amp;",
        "<",
        "\u00e9",
        "<p style='display:none'>",
        "</p>",
        "\ud800",
    ),
)


@given(words=st.lists(st.sampled_from(_PIECES), max_size=30), at_top=st.booleans())
def test_the_rest_of_the_mail_stays_as_it_is(words: list[str], at_top: bool) -> None:
    html = "".join(words)
    page = scan(html, frozenset(), "")

    edit = note_edit(page, NOTE, at_top=at_top)

    assert edit.start == edit.end
    assert page.rewritten(edit) == html[: edit.start] + edit.text + html[edit.start :]
    assert edit.text.count(NOTE) == 1
