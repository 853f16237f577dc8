"""The page of controls, as who is on call uses it: pause, see it in force, end it."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import Site
from tests.integration.conftest import Relay, wait_for_log

OpenSite = Callable[[], Site]
PATH = "/admin/controls/"
PHONE_WIDTH = 390


def test_sending_is_paused_on_a_phone_and_goes_on_when_it_is_ended(
    relay: Relay, open_site: OpenSite
) -> None:
    workers = relay.stack.start_workers()
    relay.stack.start_bridge()
    site = open_site()
    site.page.set_viewport_size({"width": PHONE_WIDTH, "height": 844})
    site.log_in("chief", PATH)
    expect(site.page.get_by_text("No control is in force.")).to_be_visible()
    assert site.page.evaluate("document.documentElement.scrollWidth") == PHONE_WIDTH

    site.page.get_by_label("Action").select_option("pause-sending")
    site.page.get_by_label("For", exact=True).fill("2h")
    site.page.get_by_label("Why").fill("SES asked us to")
    site.page.get_by_label("Why").press("Enter")

    expect(site.page.get_by_text("Sending paused until").first).to_be_visible()
    wait_for_log(workers, "control in force")
    relay.deliver()
    site.page.goto(site.origin + "/admin/dashboard/")
    expect(site.page.locator("#overall-text")).to_contain_text("SES asked us to")
    assert relay.aws.sent() == []

    site.page.goto(site.origin + PATH)
    site.page.get_by_role("button", name="End it: sending paused").click()

    expect(site.page.get_by_text("Ended: sending paused.")).to_be_visible()
    expect(site.page.get_by_role("row").nth(1)).to_contain_text("by chief")
    relay.wait_for_sent(1)
    assert site.complaints == []


def test_what_is_wrong_is_said_beside_the_form_and_nothing_is_in_force(open_site: OpenSite) -> None:
    site = open_site()
    site.log_in("chief", PATH)

    site.page.get_by_label("Action").select_option("freeze-mask")
    site.page.get_by_label("For", exact=True).fill("1d")
    site.page.get_by_label("Why").fill("a flood")
    site.page.get_by_role("button", name="Order it").click()

    expect(site.page.locator(".errorlist").first).to_be_visible()
    expect(site.page.get_by_text("No control is in force.")).to_be_visible()


def test_who_may_only_see_them_orders_none(open_site: OpenSite) -> None:
    site = open_site()

    site.log_in("watcher", PATH)

    expect(site.page.get_by_text("No control is in force.")).to_be_visible()
    expect(site.page.get_by_role("button", name="Order it")).to_have_count(0)
