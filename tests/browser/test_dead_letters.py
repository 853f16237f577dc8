"""The dead letters' pages, as who is on call uses them: find, mend, requeue."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from bridge.ledger.keys import NAMESPACE
from tests.browser.conftest import Site
from tests.integration.conftest import MAIL, OWNER, Relay
from tests.waiting import wait_until
from tools.local.aws import BUCKET

OpenSite = Callable[[], Site]
PATH = "/admin/dead-letters/"
PHONE: "ViewportSize" = {"width": 390, "height": 844}


if TYPE_CHECKING:
    from playwright.sync_api import ViewportSize


def test_a_dead_letter_is_found_requeued_and_forwarded(relay: Relay, open_site: OpenSite) -> None:
    relay.gate.hold()
    relay.stack.start_workers()
    # So long that SQS does not bring it again by itself.
    relay.stack.start_bridge(PROCESS_EMAIL_VISIBILITY_SECONDS="600")
    relay.deliver()
    (key,) = relay.aws.stored_mails()
    relay.aws.s3.delete_object(Bucket=BUCKET, Key=key)
    relay.gate.open()
    relay.aws.notify({"notificationType": "Received"})
    wait_until("dead letters", lambda: relay.redis.zcard(f"{NAMESPACE}:inbound.XQ") == 2)
    site = open_site()
    site.log_in("operator", PATH)
    rows = site.page.locator(".dead-letters tbody tr")
    expect(rows).to_have_count(2)

    site.page.get_by_label("Reason").fill("refused:mail_missing")
    site.page.get_by_role("button", name="Filter").click()
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("refused:mail_missing")
    assert "@" not in site.page.url

    relay.aws.s3.put_object(Bucket=BUCKET, Key=key, Body=MAIL)
    site.page.get_by_label("Select").check()
    site.page.get_by_role("button", name="Requeue selected").click()

    relay.wait_for_sent(1)
    assert [mail.recipients for mail in relay.aws.sent()] == [(OWNER,)]
    site.page.goto(site.origin + PATH)
    expect(rows).to_have_count(1)


def test_who_may_only_look_can_requeue_nothing(relay: Relay, open_site: OpenSite) -> None:
    relay.stack.start_workers()
    relay.stack.start_bridge()
    relay.aws.notify({"notificationType": "Received"})
    wait_until("a dead letter", lambda: relay.redis.zcard(f"{NAMESPACE}:inbound.XQ") == 1)
    site = open_site()
    site.page.set_viewport_size(PHONE)

    site.log_in("reader", PATH)

    expect(site.page.locator(".dead-letters tbody tr")).to_have_count(1)
    expect(site.page.get_by_role("button", name="Requeue")).to_have_count(0)
    site.page.wait_for_load_state()  # the width is right once the style sheets are there
    assert site.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def test_who_lacks_the_permission_is_refused(open_site: OpenSite) -> None:
    site = open_site()
    site.log_in("support", PATH)
    assert site.page.request.get(site.origin + PATH).status == 403
