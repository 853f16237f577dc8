"""Trackers are found however their URLs are written, and nothing else is changed."""

from dataclasses import replace

import pytest

from emails.mime.html import scan
from emails.mime.rewrite_forward import rewrite_forward
from emails.mime.tracked import BLANK
from emails.mime.trackers import find_tracker
from tests.unit.mime.builders import FORWARD, a_mail, read
from tests.unit.mime.tracker_forms import DOCUMENTS, PLACES, STYLES, UNTOUCHED, URLS, page

TRACKERS = frozenset({"tracker.example", "xn--bcher-kva.example"})
WARNING = "https://relay.example/warning/"
PLAIN = URLS["plain"]
SOME = (
    "a dot as a number",
    "slashes by name",
    "no slash",
    "a percent-encoded dot",
    "a soft hyphen",
)


def _removed(html: str) -> int:
    found = scan(html, TRACKERS, WARNING)
    again = scan(found.rewritten(), TRACKERS, WARNING)
    assert not again.edits, "what replaces a tracker is changed again"
    return sum(found.removed.values())


@pytest.mark.parametrize("form", URLS)
def test_a_tracker_is_found_however_its_url_is_written(form: str) -> None:
    assert _removed(f'<p>a<img alt="b" src="{URLS[form]}" width=1>c') == 1
    assert _removed(f"<table background = '{URLS[form]}'>") == 1


@pytest.mark.parametrize("form", URLS)
def test_a_link_shows_where_it_led_however_it_was_written(form: str) -> None:
    found = scan(f'<a href="{URLS[form]}" id=x>x</a>', TRACKERS, WARNING)

    assert found.rewritten().startswith(f'<a href="{WARNING}#')
    assert found.rewritten().endswith('" id=x>x</a>')
    assert sum(found.removed.values()) == 1


@pytest.mark.parametrize("place", PLACES)
def test_a_tracker_is_found_wherever_it_is_loaded_from(place: str) -> None:
    html = f"<p>before{PLACES[place]}"
    assert _removed(html % PLAIN) == 1
    if "data" not in place and place != "srcdoc":  # whose documents are replaced, or written anew
        assert scan(html % PLAIN, TRACKERS, WARNING).rewritten() == html % BLANK
    assert _removed(html % "https://ok.example/x") == 0


@pytest.mark.parametrize("place", [one for one in PLACES if one != "a page as data"])
@pytest.mark.parametrize("form", SOME)
def test_both_at_once(place: str, form: str) -> None:
    assert _removed(PLACES[place] % URLS[form]) == 1


@pytest.mark.parametrize("form", STYLES)
@pytest.mark.parametrize(
    "place", ["style, quoted", "style", "import", "a style sheet that never ends"]
)
def test_style_sheets_are_read_with_their_escapes(form: str, place: str) -> None:
    assert _removed(PLACES[place] % STYLES[form]) == 1


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_within_documents_are_read(name: str) -> None:
    assert _removed(DOCUMENTS[name]) == 1


@pytest.mark.parametrize("name", UNTOUCHED)
def test_what_asks_no_tracker_for_anything_stays_as_it_is(name: str) -> None:
    html = UNTOUCHED[name]
    assert scan(html, TRACKERS, WARNING).rewritten() == html


@pytest.mark.parametrize(("levels", "is_read"), [(1, True), (3, True), (4, False), (6, False)])
def test_documents_too_deep_to_be_read_are_left_out(levels: int, is_read: bool) -> None:
    html = "<p>deep</p>"
    for _ in range(levels):
        escaped = html.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
        html = f'<iframe srcdoc="{escaped}"></iframe>'

    written = scan(html, TRACKERS, WARNING).rewritten()

    assert ("deep" in written) is is_read
    assert (written == html) is is_read


@pytest.mark.parametrize(
    "kind", ["text/html", "text/x-amp-html", "application/xhtml+xml", "image/svg+xml"]
)
@pytest.mark.parametrize("name", ["", '; name="x"'])
def test_trackers_are_removed_from_each_form_of_html(kind: str, name: str) -> None:
    plan = replace(FORWARD, trackers=TRACKERS, warning_url=WARNING)
    result = rewrite_forward(page(f'<p>\u00e4<img src="{PLAIN}"/>', kind + name), plan)

    assert result.trackers_removed == {"tracker.example": 1}
    assert b"tracker.example" not in result.raw
    parts = [one for one in read(result.raw).walk() if one.get_content_type() == kind]
    shown = bytes(parts[0].get_payload(decode=True) or b"").decode()
    assert shown.startswith(f'<p>\u00e4<img src="{BLANK}"/>')


def test_an_attached_page_stays_as_it_is() -> None:
    plan = replace(FORWARD, trackers=TRACKERS, warning_url=WARNING)
    html = f'<img src="{PLAIN}">'
    raw = page(html, "text/html", "Content-Disposition: attachment; filename=x.html")

    assert html.encode() in rewrite_forward(raw, plan).raw


@pytest.mark.parametrize("form", URLS)
def test_a_url_in_a_header_is_read_alike(form: str) -> None:
    if "&" not in URLS[form]:
        assert find_tracker(URLS[form], TRACKERS)


def test_a_form_of_html_beside_others_carries_no_note() -> None:
    parts = ["Content-Type: text/plain\n\nx", f"Content-Type: text/x-amp-html\n\n<img src={PLAIN}>"]
    parts.append("Content-Type: text/html\n\n<p>x")
    body = "".join(f"--b\n{part}\n" for part in parts) + "--b--\n"
    plan = replace(FORWARD, trackers=TRACKERS, warning_url=WARNING)

    result = rewrite_forward(
        a_mail("Content-Type: multipart/alternative; boundary=b", body=body), plan
    )

    _, amp, html = read(result.raw).iter_parts()
    assert amp.get_content_type() == "text/x-amp-html"
    assert "NOTE" not in str(amp)
    assert "NOTE" in str(html)
