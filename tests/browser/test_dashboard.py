"""The dashboard, as who is on call sees it."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from playwright.sync_api import Locator, expect

from relay.operations import history
from relay.operations.gauges import Gauge
from tests.browser.conftest import Site
from tests.integration.conftest import Relay

OpenSite = Callable[[], Site]

if TYPE_CHECKING:
    from playwright.sync_api import ViewportSize

REFRESHED_MS = 20_000
"""The page asks anew every five seconds; the machine may be busy."""

PHONE: "ViewportSize" = {"width": 390, "height": 844}


def tile(site: Site, title: str) -> Locator:
    return site.page.get_by_role("listitem").filter(has_text=title)


def test_numbers_change_while_messages_flow(relay: Relay, open_site: OpenSite) -> None:
    site = open_site()
    site.log_in("operator")
    expect(tile(site, "Workers alive")).to_contain_text("✖ bad")
    expect(site.page.get_by_role("status")).to_contain_text("No bridge is alive")
    cause = site.page.get_by_role("listitem").filter(has_text="No bridge is alive")
    expect(cause.get_by_role("button")).to_have_text("Copy")
    expect(site.page.get_by_text("Mail relay, production")).to_be_visible()

    relay.stack.start_workers()
    relay.stack.start_bridge()
    relay.deliver()
    relay.deliver()
    relay.aws.put("no envelope")

    expect(tile(site, "Workers alive")).to_contain_text("✓ good", timeout=REFRESHED_MS)
    expect(tile(site, "Bridges alive")).to_contain_text("✓ good", timeout=REFRESHED_MS)
    # What is alone in the first line is not said once more below it.
    expect(site.page.get_by_role("status")).to_contain_text("No scheduler is alive")
    expect(site.page.locator("#causes").get_by_role("button")).to_have_count(1)
    expect(site.page.locator("#causes")).not_to_contain_text("No scheduler is alive")
    forwarded = site.page.get_by_role("row").filter(has_text="forwarded").get_by_role("cell")
    expect(forwarded.nth(1)).to_have_text("2", timeout=REFRESHED_MS)
    expect(site.page.locator("#processes")).to_contain_text("✓ alive")
    rejected = tile(site, "Rejected, last ten minutes")
    expect(rejected).to_contain_text("▲ look", timeout=REFRESHED_MS)
    rejected.get_by_role("link", name="What to do").click()
    expect(site.page.get_by_role("heading", name="Messages are rejected")).to_be_in_viewport()


def test_who_lacks_the_permission_is_refused(open_site: OpenSite) -> None:
    site = open_site()

    site.log_in("support")

    expect(site.page.get_by_role("heading", name="Not permitted")).to_be_visible()
    expect(site.page.get_by_text("dashboard.view_dashboard")).to_be_visible()
    assert site.page.request.get(f"{site.origin}/admin/dashboard/live.json").status == 403


def test_charts_are_drawn_from_our_own_host_and_fit_on_a_phone(
    relay: Relay, open_site: OpenSite
) -> None:
    for minute in range(int(time.time() // 60) - 9, int(time.time() // 60)):
        history.record(relay.redis, minute, [Gauge("in_flight", 7)])
    site = open_site()
    site.page.set_viewport_size(PHONE)

    site.log_in("operator")

    expect(site.page.locator(".chart canvas")).to_have_count(6)
    expect(site.page.get_by_text("in flight: 7 (most 7)")).to_be_visible()
    assert site.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert [url for url in site.asked_for if not url.startswith(site.origin)] == []
    assert site.complaints == []


def test_the_charts_range_is_chosen_and_stays(relay: Relay, open_site: OpenSite) -> None:
    for minute in range(int(time.time() // 60) - 9, int(time.time() // 60)):
        history.record(relay.redis, minute, [Gauge("in_flight", 7)])
    site = open_site()
    site.log_in("operator")
    site.page.get_by_role("button", name="6 h", exact=True).click()

    chosen = site.page.get_by_role("button", name="6 h", exact=True)
    expect(chosen).to_have_attribute("aria-pressed", "true")
    site.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    expect(chosen).to_have_attribute("aria-pressed", "true")
    assert site.complaints == []


def test_a_page_that_gets_no_answer_says_so(open_site: OpenSite) -> None:
    site = open_site()
    site.log_in("operator")
    expect(site.page.locator("#fresh")).to_contain_text("as of")

    site.web.stop()

    overall = site.page.get_by_role("status")
    expect(overall).to_contain_text("✖ No update", timeout=REFRESHED_MS)
    expect(overall).to_contain_text("The numbers below are from")
