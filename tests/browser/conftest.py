"""The system's Chromium, on a relay of real processes."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from emails.management.screenshots import NoBrowser, find_browser
from tests.integration.conftest import Relay, migrated, process_database_url, relay
from tools.local.aws import LocalAws
from tools.local.stack import Stack

__all__ = ["migrated", "process_database_url", "relay"]  # fixtures of whole processes

PASSWORD = "a password for tests"

_MAKE_STAFF = f"""
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
permissions = {{
    "operator": ["view_dashboard", "view_dead_letter", "requeue_dead_letter"],
    "reader": ["view_dead_letter"],
    "support": [],
    "watcher": ["view_control"],
}}
for name, codenames in permissions.items():
    user, _ = get_user_model().objects.get_or_create(username=name, is_staff=True)
    user.set_password({PASSWORD!r})
    user.save()
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
chief, _ = get_user_model().objects.get_or_create(username="chief")
chief.is_staff = chief.is_superuser = True
chief.set_password({PASSWORD!r})
chief.save()
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, per module: Playwright's event loop would disturb Django in later tests."""
    try:
        path = find_browser()
    except NoBrowser:
        if os.environ.get("CI"):
            pytest.fail("no Chromium in CI: apt-get install chromium")
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    # The sandbox does not work for root, nor in most containers. All pages are our own.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def staff(migrated: str, redis_url: str, aws_server: LocalAws, folder: Path) -> None:
    """Those who may log in, made once: their passwords are hashed slowly, as in production."""
    with Stack(folder, aws_server, redis_url=redis_url, database_url=migrated) as stack:
        stack.manage("shell", "--verbosity", "0", "--command", _MAKE_STAFF)


class Site:
    """The web process and a browser page. Records the page's requests, warnings and errors."""

    def __init__(self, relay: Relay, browser: Browser) -> None:
        self.web, self.origin = relay.stack.start_web(DEBUG="true")
        self.page: Page = browser.new_page()
        self.asked_for: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.asked_for.append(request.url))
        self.page.on("console", self._record)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def log_in(self, username: str, path: str = "/admin/dashboard/") -> None:
        """Go to a page, and log in on the way."""
        self.page.goto(self.origin + path)
        self.page.get_by_label("Username").fill(username)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Log in").click()

    def _record(self, message: ConsoleMessage) -> None:
        # The admin's login page has no icon.
        if message.type in ("error", "warning") and "favicon" not in message.location["url"]:
            self.complaints.append(message.text)


@pytest.fixture
def open_site(staff: None, relay: Relay, browser: Browser) -> Iterator[Callable[[], Site]]:
    """Return a function that starts the web process and opens a page."""
    sites: list[Site] = []

    def open_one() -> Site:
        sites.append(Site(relay, browser))
        return sites[-1]

    yield open_one
    for site in sites:
        site.page.close()
