"""What counts as a tracker, and what HTML has in its place."""

import random
import re
from dataclasses import replace
from urllib.parse import unquote

import pytest

from emails.mime.html import scan
from emails.mime.rewrite_forward import rewrite_forward
from emails.mime.tracked import BLANK, TrackerFinder
from emails.mime.trackers import find_tracker, parse_list
from tests.unit.mime.builders import FORWARD, a_mail, read

TRACKERS = frozenset({"tracker.example", "ads.tracker.test"})
WARNING = "https://relay.example/warning/"
AND_B = "#https%3A%2F%2Ftracker.example%2F1%3Fa%3D1%26b%3D2"


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://tracker.example/x.gif", "tracker.example"),
        ("HTTP://A.B.TRACKER.EXAMPLE.:8080/", "tracker.example"),
        ("//tracker.example", "tracker.example"),
        ("https:\\\\tracker.example\\x", "tracker.example"),
        ("https://user:pass@tracker.example/", "tracker.example"),
        ("https://x.ads.tracker.test", "ads.tracker.test"),
        ("https://tracker.test/", None),
        ("https://nottracker.example/", None),
        ("https://tracker.example.org/", None),
        ("https://shop.example/?to=tracker.example", None),
        ("https://shop.example/#@tracker.example", None),
        ("mailto:x@tracker.example", None),
        ("tracker.example", None),
        ("https://" + "a." * 2000 + "tracker.example/", None),
    ],
)
def test_a_listed_domain_covers_its_subdomains(url: str, domain: str | None) -> None:
    assert find_tracker(url, TRACKERS) == domain


@pytest.mark.parametrize(
    ("html", "expected", "count"),
    [
        (
            '<a href="https://tracker.example/1?a=1&amp;b=2">x</a>',
            f'<a href="{WARNING}{AND_B}">x</a>',
            1,
        ),
        (
            "<A HREF='https://t.tracker.example'>x</A>",
            f"<A HREF='{WARNING}#https%3A%2F%2Ft.tracker.example'>x</A>",
            1,
        ),
        (
            "<a href=https://tracker.example/a/b>x</a>",
            f"<a href={WARNING}#https%3A%2F%2Ftracker.example%2Fa%2Fb>x</a>",
            1,
        ),
        (
            '<a title="a>b" href = "//tracker.example">',
            f'<a title="a>b" href = "{WARNING}#%2F%2Ftracker.example">',
            1,
        ),
        ('<img src="https://tracker.example/o.gif">', f'<img src="{BLANK}">', 1),
        ('<td background="https://tracker.example/o">', f'<td background="{BLANK}">', 1),
        (
            '<p style="background:url(//tracker.example/)">',
            f'<p style="background:url({BLANK})">',
            1,
        ),
        (
            "<style>p{background:url('https://tracker.example/')}</style>",
            f"<style>p{{background:url('{BLANK}')}}</style>",
            1,
        ),
        (
            '<img srcset="https://ok.example/1 1x, https://tracker.example/2 2x">',
            f'<img srcset="https://ok.example/1 1x, {BLANK} 2x">',
            1,
        ),
        (
            '<!--[if mso]><img src="https://tracker.example/o"><![endif]-->',
            f'<!--[if mso]><img src="{BLANK}"><![endif]-->',
            1,
        ),
        ('<a href="https://ok.example">x</a>', '<a href="https://ok.example">x</a>', 0),
        ("<p>https://tracker.example/</p>", "<p>https://tracker.example/</p>", 0),
        ("<!-- https://tracker.example/ -->", "<!-- https://tracker.example/ -->", 0),
    ],
)
def test_links_lead_to_the_warning_and_loaded_content_becomes_blank(
    html: str, expected: str, count: int
) -> None:
    page = scan(html, TRACKERS, WARNING)
    assert page.rewritten() == expected
    assert sum(page.removed.values()) == count


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("https://tracker.example/a?b=c&amp;d=%20#e", "https://tracker.example/a?b=c&d=%20#e"),
        ("https://tracker.example/&quot;&gt;&lt;b&gt;", 'https://tracker.example/"><b>'),
        ("https://tracker.example/caf\u00e9", "https://tracker.example/caf\u00e9"),
        ("https://tracker.example/a\n b", "https://tracker.example/ab"),
        ("https://tracker.example/" + "x" * 1_976, "https://tracker.example/" + "x" * 1_976),
        ("https://tracker.example/" + "x" * 1_977, None),
    ],
)
def test_where_a_removed_link_led_stands_in_what_browsers_do_not_send(
    link: str, target: str | None
) -> None:
    written = scan(f'<a href="{link}">x</a>', TRACKERS, WARNING).rewritten()

    href = written.removeprefix('<a href="').removesuffix('">x</a>')
    page, _, fragment = href.partition("#")
    assert page == WARNING
    assert unquote(fragment) == (target or "")
    assert re.fullmatch(r"[A-Za-z0-9._~%-]*", fragment)
    assert scan(written, TRACKERS, WARNING).rewritten() == written


def test_without_a_page_of_ours_a_link_leads_nowhere() -> None:
    written = scan('<a href="https://tracker.example/">x</a>', TRACKERS, "").rewritten()

    assert written == '<a href="#">x</a>'


def test_the_note_gets_the_number_of_trackers_by_domain() -> None:
    html = "".join(
        f'<img src="https://{host}/">'
        for host in ("a.tracker.example", "tracker.example", "ads.tracker.test", "ok.example")
    )
    counted: dict[str, int] = {}

    def make_note(removed: object, renamed: object) -> object:
        counted.update(removed)  # type: ignore[call-overload]
        return FORWARD.make_note({}, ())

    plan = replace(FORWARD, trackers=TRACKERS, warning_url=WARNING, make_note=make_note)  # type: ignore[arg-type]
    result = rewrite_forward(a_mail("Content-Type: text/html", body=html), plan)
    assert counted == {"tracker.example": 2, "ads.tracker.test": 1} == result.trackers_removed
    assert "tracker" not in read(result.raw).get_content()


UNSUBSCRIBE = [
    ("<https://ok.example/u>", "<https://ok.example/u>"),
    ("<https://tracker.example/u>, <https://ok.example/u>", "<https://ok.example/u>"),
    ("<https://a.TRACKER.example./u>,\r\n <https://ok.example/u>", "<https://ok.example/u>"),
    ("<https://u:p@tracker.example/u>", None),
    ("<mailto:leave@ok.example>", None),
    ("<http://ok.example/u>", None),
]


@pytest.mark.parametrize(("value", "expected"), UNSUBSCRIBE)
def test_list_unsubscribe_keeps_no_tracker_and_no_address(value: str, expected: str | None) -> None:
    raw = a_mail(List_Unsubscribe=value, List_Unsubscribe_Post="List-Unsubscribe=One-Click")

    mail = read(rewrite_forward(raw, replace(FORWARD, trackers=TRACKERS)).raw)

    assert mail["List-Unsubscribe"] == expected
    assert ("List-Unsubscribe-Post" in mail) is (expected is not None)


def test_without_a_list_nothing_is_removed() -> None:
    html = '<img src="https://tracker.example/">'
    result = rewrite_forward(a_mail("Content-Type: text/html", body=html), FORWARD)
    assert html in read(result.raw).get_content()
    assert not result.trackers_removed


def test_lists_are_read_in_all_usual_formats() -> None:
    lines = [
        "# a comment",
        "plain.example",
        "Upper.Example  # listed twice",
        "0.0.0.0 hosts.example",
        "||blocker.example^",
        "||blocker.example/path^",
        "@@||exception.example^",
        "##.cosmetic",
        "127.0.0.1 localhost",
        "two words.example",
        "com",
        "",
    ]
    assert parse_list(lines) == {
        *("plain.example", "upper.example", "hosts.example", "blocker.example")
    }


_PIECES = (
    *(
        ' href="https://shop.example/1"',
        ' src="http://shop.example"',
        ' href="https://tracker.example/"',
    ),
    *(' href="//tracker.example/"', ' title="a =b"', ' alt="/="', " =", ' x="', "/", " ", "'", '"'),
    *(
        ' style="color:#333"',
        ' style="background:url(https://tracker.example)"',
        " href=",
        "=",
        "x",
    ),
    *(
        ' HREF="HTTPS://SHOP.example?=//tracker.example"',
        ' href="https://shop.example/ =//tracker.example"',
    ),
    *(
        ' width="100"',
        "href='https://shop.example'",
        ' data-x="//tracker.example"',
        " x=y",
        "\n",
        "<b",
    ),
)


@pytest.mark.parametrize("seed", range(40))
def test_a_tag_that_is_passed_over_has_no_tracker_for_its_reader(seed: int) -> None:
    chance = random.Random(seed)
    finder = TrackerFinder(TRACKERS, WARNING, lambda document, depth: (document, {}), 0)
    for _ in range(500):
        tag = f"<a{''.join(chance.choices(_PIECES, k=chance.randint(1, 6)))}>"
        if not scan(tag, TRACKERS, WARNING).edits:
            assert not list(finder.in_tag(tag, "a", 0, tag.index(">") + 1)), tag
