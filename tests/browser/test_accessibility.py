"""The operators' pages can be used by all: axe finds nothing, in light, dark and on a phone.

axe-core comes with its hash from `make axe`; without it these tests are skipped, but not in CI.
"""

import json
import os
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from playwright.sync_api import Page, expect

from bridge.ledger.keys import NAMESPACE
from bridge.ledger.story import find_events
from tests.browser.conftest import Site
from tests.integration.conftest import Relay
from tests.unit.operations.builders import stored
from tests.waiting import wait_until

OpenSite = Callable[[], Site]

Scheme = Literal["light", "dark"]

if TYPE_CHECKING:
    from playwright.sync_api import ViewportSize

AXE = Path(__file__).parents[2] / "build" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
DESK: "ViewportSize" = {"width": 1280, "height": 900}
PHONE: "ViewportSize" = {"width": 390, "height": 844}
REFRESHED_MS = 20_000

PAGES = {
    "dashboard": "/admin/dashboard/",
    "runbook": "/admin/runbook/",
    "controls": "/admin/controls/",
    "held mails": "/admin/emails/heldmail/",
    "trace": "/admin/trace/",
    "a trace": "/admin/trace/?id={sqs}",
    "lanes": "/admin/lanes/",
    "retries": "/admin/retries/",
    "running": "/admin/running/",
    "dead letters": "/admin/dead-letters/",
    "dead letters in SQS": "/admin/sqs-dead-letters/",
}

_RUN = """
async (rules) => (await axe.run(document, {runOnly: rules})).violations.map(
  (one) => `${one.id}: ${one.nodes.map((node) => node.target.join(" ")).slice(0, 5).join(", ")}`)
"""

_FOCUSED = """
() => {
  const one = document.activeElement;
  window.seen = window.seen || [];
  const before = window.seen.at(-1);
  const isInOrder = !before
    || Boolean(before.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING);
  window.seen.push(one);
  const style = getComputedStyle(one);
  return {
    text: one.textContent.trim() || one.getAttribute("aria-label") || one.name || one.id,
    within: one.closest("[id]:not(a):not(button)")?.id ?? "",
    isInOrder,
    isMarked: style.outlineStyle !== "none" || style.boxShadow !== "none"
      || style.textDecorationLine !== "none" || style.borderStyle !== "none",
    isOver: one === document.body,
  };
}
"""


@pytest.fixture(scope="module")
def axe() -> str:
    if not AXE.exists():
        if os.environ.get("CI"):
            pytest.fail("no axe-core in CI: make axe")
        pytest.skip("no axe-core: make axe")
    return AXE.read_text()


@pytest.fixture
def busy(relay: Relay) -> Relay:
    """A relay with something on each page: a control, a held mail, dead letters, a message that
    waits for its next attempt, and one that runs.
    """
    # First the control: processes learn of one within a second, and a mail may be sooner.
    relay.stack.manage(
        "control", "freeze", "reason", "existing_mask", "--for", "2h", "--why", "a test"
    )
    relay.stack.start_workers()
    relay.stack.start_bridge()
    relay.deliver()
    relay.aws.notify({"notificationType": "Received"})
    relay.aws.sqs.send_message(QueueUrl=relay.aws.dead_letter_queue_url, MessageBody="nonsense")
    # In no list, so that no worker fetches them.
    eta_ms = int(time.time() * 1000) + 3_600_000
    later = stored("later", "sqs-later", eta=eta_ms, put_backs=1, last_failure="database_busy")
    relay.redis.hset(f"{NAMESPACE}:inbound.DQ.msgs", "later", later)
    job = {"actor_name": "take_gauges", "message_id": "job-1", "options": {}}
    relay.redis.hset(f"{NAMESPACE}:default.msgs", "job-1", json.dumps(job))
    wait_until("a dead letter", lambda: relay.redis.zcard(f"{NAMESPACE}:inbound.XQ") == 1)
    wait_until("a held mail", lambda: "frozen" in relay.stack.manage("held_mails", "list"))
    return relay


def complaints(page: Page, axe: str) -> list[str]:
    page.evaluate(axe)
    found: Any = page.evaluate(_RUN, RULES)
    return list(found)


@pytest.mark.timeout(300)
def test_axe_finds_nothing_in_light_in_dark_and_on_a_phone(
    busy: Relay, open_site: OpenSite, axe: str
) -> None:
    sqs = next(one.sqs_message_id for one in find_events(busy.redis) if one.what == "ended")
    site = open_site()
    site.log_in("chief")
    found: dict[str, list[str]] = {}
    for scheme, (name, path) in product(SCHEMES, PAGES.items()):
        site.page.emulate_media(color_scheme=scheme)
        site.page.goto(site.origin + path.format(sqs=sqs))
        if name == "dashboard":
            expect(site.page.locator("#fresh")).to_contain_text("as of", timeout=REFRESHED_MS)
            expect(site.page.locator(".chart canvas").first).to_be_visible()
        for width, size in (("desk", DESK), ("phone", PHONE)):
            site.page.set_viewport_size(size)
            if name in ("retries", "running"):
                expect(site.page.locator("tbody td:nth-child(2)").first).to_be_visible()
            said = complaints(site.page, axe)
            if site.page.evaluate("document.documentElement.scrollWidth") > size["width"]:
                said.append("it is wider than the screen")
            if said:
                found[f"{name}, {scheme}, {width}"] = said

    assert found == {}


def test_the_dashboard_is_used_by_keyboard_in_the_order_it_is_read(
    busy: Relay, open_site: OpenSite
) -> None:
    site = open_site()
    site.log_in("chief")
    expect(site.page.locator("#flow a").first).to_be_visible(timeout=REFRESHED_MS)
    expect(site.page.locator("#ranges button").first).to_be_visible(timeout=REFRESHED_MS)

    focused: list[dict[str, Any]] = []
    for _ in range(200):
        site.page.keyboard.press("Tab")
        focused.append(site.page.evaluate(_FOCUSED))
        if "7 d" in focused[-1]["text"] or focused[-1]["isOver"]:
            break

    assert focused[0]["text"] == "Skip to main content"
    assert [one["text"] for one in focused if not one["isInOrder"]] == []
    assert [one["text"] for one in focused if not one["isMarked"]] == []
    stages = [one["within"] for one in focused if one["within"].startswith("stage-")]
    assert list(dict.fromkeys(stages)) == [
        f"stage-{name}" for name in ("SQS", "Bridges", "Redis", "Workers", "SES")
    ]
    assert "7 d" in focused[-1]["text"]
    site.page.keyboard.press("Enter")
    expect(site.page.get_by_role("button", name="7 d")).to_have_attribute("aria-pressed", "true")


def test_a_number_that_is_stuck_leads_to_its_list(busy: Relay, open_site: OpenSite) -> None:
    site = open_site()
    site.log_in("chief")

    stuck = site.page.locator("#stage-Redis").get_by_role("link", name="dead letters")
    expect(stuck).to_contain_text("▲ 1 dead letters", timeout=REFRESHED_MS)
    stuck.focus()
    site.page.keyboard.press("Enter")

    expect(site.page.locator(".dead-letters tbody tr")).to_have_count(1)
    assert site.complaints == []
