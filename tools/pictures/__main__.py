"""`python -m tools.pictures`: draws all pictures. Needs Chromium: Debian's package `chromium`."""

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django
from playwright.sync_api import Browser, sync_playwright

from emails.management.screenshots import NoBrowser, find_browser
from runtime.redis_client import connect
from tools.local.processes import NotReady
from tools.local.stack import ROOT, CommandFailed, Servers, Stack
from tools.pictures import MOST_BYTES, NAMES

_FOLDER = ROOT / "docs" / "img"


def main() -> int:
    """Draw the pictures; returns the exit code."""
    with tempfile.TemporaryDirectory(prefix="relay-pictures-") as name:
        try:
            with _browser() as browser:
                _draw_all(Path(name), browser)
        except (NoBrowser, NotReady, CommandFailed, LookupError) as error:
            print(error)
            return 1
    return 0


def _draw_all(folder: Path, browser: Browser) -> None:
    with (
        Servers(folder) as servers,
        Stack(
            *(folder, servers.aws),
            redis_url=servers.redis.url,
            database_url=servers.postgres.url,
        ) as stack,
    ):
        os.environ.update(stack.environ, DJANGO_SETTINGS_MODULE="relay.settings")
        django.setup()
        logging.disable()  # the trouble is made up
        # These read the settings when they are imported.
        from tools.pictures import dashboard, held, note, trouble

        stack.manage("migrate", "--verbosity", "0")
        processes = [stack.start_workers(), stack.start_bridge()]
        _, origin = stack.start_web(DEBUG="true")
        pictures = [note.draw(browser), held.draw(browser, stack, origin)]
        for process in processes:
            process.stop()
        client = connect(servers.redis.url)
        client.flushdb()
        trouble.make_trouble(client, servers.aws)
        pictures.append(dashboard.draw(browser, stack, origin))
    for name, picture in zip(NAMES, pictures, strict=True):
        _keep(name, picture)


@contextmanager
def _browser() -> Iterator[Browser]:
    # The sandbox does not work for root, nor in most containers. All pages are our own.
    path = find_browser()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def _keep(name: str, picture: bytes) -> None:
    if len(picture) > MOST_BYTES:
        raise LookupError(f"{name} would have {len(picture):,} bytes")
    (_FOLDER / name).write_bytes(picture)
    print(f"docs/img/{name}: {len(picture):,} bytes")


if __name__ == "__main__":
    sys.exit(main())
