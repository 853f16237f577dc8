"""Our note in a real browser: whatever a mail's HTML and styles do, it is read as we wrote it."""

import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Page

from emails.edges.note import forward_note, sample_plan
from emails.mime.html import scan
from emails.mime.note_in_html import note_edit
from emails.rules.warnings import MailWarning
from emails.values.facts import NotePlace

MASK = "x7k2@masks.example"
HOSTILE = {
    "nothing": "<p>Hello</p>",
    "an unclosed link": "<p>x <a href='https://e.example/' style='font-size:50px'>click<b><i>",
    "an unclosed hidden block": "<p>x</p><div style='display:none'>",
    "an unclosed cell": "<table style='font-size:40px'><tr><td style='color:#fff'>x",
    "an unclosed list": "<p>x<select><option>a",
    "styles that hide all": "<style>*{display:none!important;opacity:0!important}html,body"
    "{display:block!important;opacity:1!important}div{position:absolute!important;left:-999px"
    "!important}body>*:last-child{visibility:hidden!important;height:0!important}</style>x",
    "styles that change all": "<style>div,a,b{color:#f0f!important;font:bold 30px serif!important;"
    "float:right!important;width:50px!important;letter-spacing:1em!important}</style>x",
    "a body in a row": "<style>body{display:flex}</style><div>one</div><div>two</div>",
    "a body in a column": "<body style='display:flex;flex-direction:column'><div>one</div>",
    "a body in a grid": "<style>body{display:grid;grid-template-columns:1fr 2fr}</style><p>a<p>b",
    "a body without size": "<body style='font-size:0;line-height:0;color:#fff;background:#fff'>x",
    "an overlay": "<p>x</p><div style='position:fixed;inset:0;background:#fee;z-index:999'>x",
}

_SEEN = """() => {
  const link = [...document.links].find(one => one.href.includes('/emails/note/off/'));
  const note = link.closest('div[lang]'), box = note.getBoundingClientRect();
  note.scrollIntoView();
  const at = link.getBoundingClientRect(), style = getComputedStyle(note);
  const hit = document.elementFromPoint(at.left + 3, at.top + at.height / 2);
  return {
    parent: note.parentElement.parentElement.tagName, width: box.width, height: box.height,
    hit: hit === link, font: style.fontSize, color: style.color, back: style.backgroundColor,
    linkColor: getComputedStyle(link).color, text: note.innerText, dir: style.direction,
    align: style.textAlign, fits: document.documentElement.scrollWidth <= innerWidth,
  };
}"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.route("**/*", lambda route: route.abort())
    yield page
    page.close()


def with_note(html: str, *, at_top: bool = False) -> str:
    warnings = (MailWarning.SPAM,) if at_top else ()
    plan = sample_plan(MASK, "en", NotePlace.BOTTOM, warnings)
    note = forward_note(plan, datetime(2026, 11, 2, tzinfo=UTC), {}, secret=b"x")
    assert note is not None
    scanned = scan(html, frozenset(), "")
    return scanned.rewritten(note_edit(scanned, note.html, at_top=at_top))


@pytest.mark.parametrize("at_top", [True, False])
@pytest.mark.parametrize("name", HOSTILE)
def test_the_note_is_seen_as_we_wrote_it(page: Page, name: str, at_top: bool) -> None:
    page.emulate_media(color_scheme="light")
    page.set_content(with_note(HOSTILE[name], at_top=at_top))

    seen = page.evaluate(_SEEN)

    assert seen["parent"] == "BODY"
    assert seen["width"] > 340
    assert 30 < seen["height"] < 150
    assert seen["fits"], "the note or the mail was pushed aside"
    assert seen["hit"], "something else is over the link"
    assert (seen["font"], seen["dir"], seen["align"]) == ("13px", "ltr", "left")
    assert (seen["color"], seen["back"]) == ("rgb(58, 58, 76)", "rgb(243, 243, 248)")
    assert seen["linkColor"] == "rgb(51, 51, 158)"
    assert f"Forwarded from your mask {MASK}." in seen["text"]


@pytest.mark.parametrize(
    ("head", "is_dark"),
    [
        ("", False),
        ("<meta name=color-scheme content='light dark'>", True),
        ("<style>@media (prefers-color-scheme:dark){body{background:#000}}</style>", True),
    ],
)
def test_the_note_is_dark_where_the_mail_is(page: Page, head: str, is_dark: bool) -> None:
    page.emulate_media(color_scheme="dark")
    page.set_content(with_note(f"<head>{head}</head><body>x</body>"))

    back = page.evaluate(_SEEN)["back"]

    assert back == ("rgb(38, 38, 48)" if is_dark else "rgb(243, 243, 248)")


def test_the_note_is_aligned_to_the_right_in_a_mail_from_right_to_left(page: Page) -> None:
    page.set_content(with_note("<html dir=rtl><body>\u05e9\u05dc\u05d5\u05dd</body></html>"))

    seen = page.evaluate(_SEEN)

    assert (seen["dir"], seen["align"]) == ("ltr", "right")


_NAMES = re.findall(
    "[a-z0-9]+",
    "a b i font span div p table tbody tr td th ul li dl dt h1 center form button select option "
    "object noscript nobr strong caption blockquote",
)
_PARENTS = """(pages) => pages.map(html => {
  const page = new DOMParser().parseFromString(html, 'text/html');
  const note = page.querySelector('div[lang]');
  return note === null ? 'lost' : note.parentElement.parentElement.tagName;
})"""


def test_no_mixture_of_tags_takes_the_note_in(page: Page) -> None:
    """Of nonsense, 99 of 100: browsers' rules for wrong tags fill a book."""
    draw = random.Random(7)
    pages = []
    for _ in range(1_000):
        names = draw.choices(_NAMES, k=draw.randint(1, 14))
        tags = [draw.choice((f"<{name}>", f"<{name} hidden>", f"</{name}>")) for name in names]
        pages.append(with_note("x".join(tags)))

    parents = page.evaluate(_PARENTS, pages)

    assert parents.count("BODY") >= 990
