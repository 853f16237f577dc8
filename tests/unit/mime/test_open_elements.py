"""What a mail's HTML leaves open, as browsers see it."""

import pytest

from emails.mime.open_elements import MAX_OPEN, closing_tags


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("", ""),
        ("text 1 < 2 </", ""),
        ("<html><head><meta><title><div></title></head><body><p>x</p><br><img></body>", ""),
        ("<div><p>one<p>two</div>", ""),
        ("<a href=x>link", "</a>"),
        ("<DIV Hidden><SPAN>", "</span></div>"),
        ("<table><tr><td>x", "</td></tr></table>"),
        ("<ul><li>a<li>b", "</li></ul>"),
        ("<p><video>", "</video></p>"),
        # What looks like an end tag, and is none.
        ("<div><!-- </div> -->", "</div>"),
        ("<div title='</div>'>", "</div>"),
        ("<div><style></div></style>", "</div>"),
        ("<div><script>'</div>'</script ><textarea></div></textarea>", "</div>"),
        ("<bloc\u212aquote hidden></blockquote>", "</bloc?quote>"),
        ("<blockquote></bloc\u212aquote>", "</blockquote>"),
        # End tags that browsers ignore.
        ("</div><div>", "</div>"),
        ("<div><table><tr><td></div>", "</td></tr></table></div>"),
        ("<table><tr><td><table></tr>", "</table></td></tr></table>"),
        ("<span hidden><div></span>", "</div></span>"),
        ("<div><select></div>", "</select></div>"),
        # Formatting goes on after the block around it, but not after its cell.
        ("<div><b></div>", "</b>"),
        ("<table><tr><td><b></td></tr></table>", ""),
        ("<b><div hidden></b>", "</div>"),
        # Parts of tables outside of one open nothing.
        ("<td><tr><caption>", ""),
        # In a drawing, `/>` means something.
        ("<svg><path/><circle/></svg>", ""),
        ("<path/>", "</path>"),
        ("<div " + "a=1 " * 50 + ">", "</div>"),
        ("<div " + "a=1 " * 100 + "b='<div>'>", None),
        ("<div>" * MAX_OPEN, None),
        ("<i>" * (MAX_OPEN - 1), "</i>" * (MAX_OPEN - 1)),
    ],
)
def test_what_is_left_open_is_closed(html: str, expected: str | None) -> None:
    assert closing_tags(html, len(html)) == expected


def test_only_what_comes_before_counts() -> None:
    assert closing_tags("<div><b></b></div><i>", 8) == "</b></div>"


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece",
    ["<div>", "</div>", "<b></i>", "<td></div>", "<a b='", "<svg/>", "<!-- -->", "<p =", "< "],
)
def test_hostile_html_takes_time_in_proportion(piece: str) -> None:
    """Quadratic time would be minutes, so the timeout tells."""
    html = piece * ((1 << 20) // len(piece))

    closing_tags(html, len(html))
