"""The page that removed links lead to, in a real browser: what it shows reaches no server."""

from collections.abc import Callable
from urllib.parse import quote

from playwright.sync_api import expect

from tests.browser.conftest import Site

OpenSite = Callable[[], Site]
TARGET = "https://tracker.example/a?b=<b>c</b>&d=e"
NOT_SHOWN = (
    *("", "javascript:alert(1)", "data:text/html,x", "https://bank.example@tracker.example/"),
    *("no address", "%", "file:///etc/passwd"),
)


def test_a_reader_sees_where_a_removed_link_led_and_may_go_on(open_site: OpenSite) -> None:
    site = open_site()
    page = f"{site.origin}/emails/tracker-warning/"

    site.page.goto(f"{page}#{quote(TARGET, safe='')}")

    expect(site.page.locator("#host")).to_have_text("tracker.example")
    expect(site.page.locator("#address")).to_contain_text("https://tracker.example/a?b=")
    link = site.page.get_by_role("link")
    expect(link).to_have_attribute("href", "https://tracker.example/a?b=%3Cb%3Ec%3C/b%3E&d=e")
    assert "noreferrer" in (link.get_attribute("rel") or "")
    site.page.goto(f"{page}#%2F%2Ftracker.example%2Fx")
    expect(site.page.locator("#address")).to_have_text("https://tracker.example/x")
    assert not any("tracker.example" in url.partition("#")[0] for url in site.asked_for)
    for written in NOT_SHOWN:
        site.page.goto(f"{page}#{quote(written, safe='%')}")
        expect(site.page.locator("#target")).to_be_hidden()
    assert site.complaints == []
