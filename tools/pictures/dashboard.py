"""The picture of the dashboard: in trouble, on a desk, and in dark on a phone."""

import re
from typing import TYPE_CHECKING

from playwright.sync_api import Browser, Page, expect

from tools.local.stack import Stack
from tools.pictures.sheet import side_by_side

if TYPE_CHECKING:
    from playwright.sync_api import ViewportSize

_PASSWORD = "a password for pictures"
_DESK: "ViewportSize" = {"width": 1200, "height": 900}
_PHONE: "ViewportSize" = {"width": 390, "height": 1020}
_MARGIN = 16
_SECONDS = 30_000


def draw(browser: Browser, stack: Stack, origin: str) -> bytes:
    """Draw it, from a web process at `origin`; returns a PNG."""
    stack.environ["DJANGO_SUPERUSER_PASSWORD"] = _PASSWORD
    stack.manage("createsuperuser", "--noinput", "--username", "ann", "--email", "a@x.example")
    desk = _open(browser, origin, _DESK, "light")
    columns = [
        [_rows(desk, "body", "#flow"), _rows(desk, "#reasons-title", "#reasons")],
        [_open(browser, origin, _PHONE, "dark").screenshot()],
    ]
    return side_by_side(browser, columns)


def _open(browser: Browser, origin: str, size: "ViewportSize", scheme: str) -> Page:
    page = browser.new_page(viewport=size)
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(f"{origin}/admin/dashboard/")
    page.get_by_label("Username").fill("ann")
    page.get_by_label("Password").fill(_PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#fresh")).to_contain_text("as of", timeout=_SECONDS)
    expect(page.get_by_role("status")).to_contain_text(re.compile("may not send"))
    expect(page.locator(".chart canvas").first).to_be_visible(timeout=_SECONDS)
    return page


def _rows(page: Page, first: str, last: str) -> bytes:
    """Return the page from the top of one element to the bottom of another."""
    begin, end = page.locator(first).bounding_box(), page.locator(last).bounding_box()
    if begin is None or end is None:
        raise LookupError(f"the dashboard shows no {first} or no {last}")
    top = max(0.0, begin["y"] - _MARGIN)
    height = end["y"] + end["height"] + _MARGIN - top
    return page.screenshot(
        full_page=True, clip={"x": 0, "y": top, "width": _DESK["width"], "height": height}
    )
