"""Where the body of HTML begins and ends, and input beyond the bounds of a single match."""

import re

import pytest

from emails.mime.header_block import unfolded
from emails.mime.html import Page, scan
from emails.mime.parameters import parameters
from emails.mime.structure import split
from emails.mime.tracked import BLANK, Edit

TRACKERS = frozenset({"tracker.example"})


def marked_page(page: Page) -> str:
    """The HTML with a mark where its body begins, and one where it ends."""
    begin, end = page.header_at, page.footer_at
    return page.rewritten(Edit(begin, begin, "[H]"), Edit(end, end, "[F]"))


WARNING = "https://relay.example/warning/"


@pytest.mark.parametrize(
    "marked",
    [
        "<html><body>[H]<p>Hello <a href=https://shop.example/x>x</a></p>[F]</body></html>",
        "<BODY CLASS='a>b' x = \"y>\">[H]<p>x</p>[F]</BODY >",
        "<!doctype html><?xml version='1.0'?>[H]<p>x</p>[F]",
        "<head><title></head></title></head>[H]x[F]",
        "<head><style>a:after{content:'<body>'}</style></head><body>[H]x[F]</body>",
        "<!-- <body> --><body>[H]x[F]</body><!-- end --> ",
        "<!--[if mso]><body><![endif]--><body>[H]x[F]</body>",
        "<body/>[H]<a href=/a/b/c title=x=y>l</a>[F]</body>",
        "<body>[H]<img alt='</body>' src=\"data:image/gif;base64,R0/lGO/D\">[F]</body>",
        "<body>[H]x</body></html>the last lines of a list[F]",
        "[H]1 < 2 <3 </ >[F]",
        "[H]x[F]<p title=\"</body>",
        "[H]x[F]<p title = \"a>b</p></body>",
        "",
    ],
)  # fmt: skip
@pytest.mark.parametrize("trackers", [frozenset[str](), TRACKERS])
def test_the_body_is_found(marked: str, trackers: frozenset[str]) -> None:
    html = marked.replace("[H]", "").replace("[F]", "")

    assert marked_page(scan(html, trackers, WARNING)) == (marked or "[H][F]")


@pytest.mark.parametrize("count", [1, 29, 30, 31, 50, 51, 100, 101, 1_000])
@pytest.mark.parametrize(
    ("before", "repeated", "after"),
    [
        ("<body", " a=b", ">[H]x[F]</body>"),
        ("<body", " a='>'", ">[H]x[F]</body>"),
        ("<body ", "=", ">[H]x[F]</body>"),
        ("<body>[H]<p", ' a="<>"', ">x</p>[F]</body>"),
        ("<body>[H]<p a=", "/x", ' b="</body>">x[F]</body>'),
        ("<body>[H]<p a='", "/x", "</body>'>x[F]</body>"),
        ("<body>[H]<p", "/", "'<'>x[F]</body>"),
        ("<body>[H]", "<br>1 < 2", "[F]</body>"),
        ("<body>[H]x[F]</body>", " <i></i>", "</html>"),
        ("<body>[H]x</body>", " <i></i>", "more[F]"),
        ("<!doctype html>", "<!-- x -->", "<body>[H]x[F]</body>"),
    ],
)
@pytest.mark.parametrize("trackers", [frozenset[str](), TRACKERS])
def test_anything_may_be_repeated_any_number_of_times(
    count: int, before: str, repeated: str, after: str, trackers: frozenset[str]
) -> None:
    marked = before + repeated * count + after
    html = marked.replace("[H]", "").replace("[F]", "")

    assert marked_page(scan(html, trackers, WARNING)) == marked


@pytest.mark.parametrize("count", [1, 30, 31, 50, 51, 1_000])
@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<img src="https://tracker.example/%s">', f'<img src="{BLANK}">'),
        ("<a href=//tracker.example?%s&quot;>x</a>", f"<a href={WARNING}>x</a>"),
        ("<p style='background:url(//tracker.example/?%s&quot;)'>",
         f"<p style='background:url({BLANK}&quot;)'>"),
        ("<img src=https://ok.example?%s//tracker.example>", None),
    ],
)  # fmt: skip
def test_a_url_may_have_any_number_of_parameters(
    count: int, html: str, expected: str | None
) -> None:
    long = html % ("a=1&amp;b" * count)

    written = scan(long, TRACKERS, WARNING).rewritten()
    assert re.sub(r"#[A-Za-z0-9%._~-]+", "", written) == (expected or long)


@pytest.mark.parametrize("count", [1, 49, 50, 51, 52, 100, 1_000])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_a_field_and_a_header_may_have_any_number_of_lines(count: int, end: str) -> None:
    head = f"Subject: x{f'{end} y' * count}{end}" + f"A: b{end}" * count
    part = split(f"{head}{end}body".encode())

    assert unfolded(part.fields[0].value) == b"x" + b" y" * count
    assert (part.fields[0].start, part.fields[0].end) == (0, head.index("A"))
    assert [one.value for one in part.fields[1:]] == [b" b"] * count
    assert part.body == len(head) + len(end)


@pytest.mark.parametrize("count", [0, 1, 50, 500])
def test_a_parameter_may_quote_characters(count: int) -> None:
    value = b'text/plain; name="' + b'a\\"b;' * count + b'"; charset=utf-8'

    assert parameters(value) == {"name": 'a"b;' * count, "charset": "utf-8"}
