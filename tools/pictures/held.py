"""The picture of held mail, as its owner sees it on a phone: the digest, all mails, and one."""

import re
import time
from collections.abc import Callable
from email import message_from_bytes, policy
from functools import partial
from typing import TYPE_CHECKING

import psycopg
from playwright.sync_api import Browser, Page

from tools.local.aws import MASK_DOMAIN
from tools.local.stack import Stack
from tools.pictures.sheet import side_by_side

if TYPE_CHECKING:
    from playwright.sync_api import ViewportSize

_OWNER, _MASK = "ann@owner.example", f"x7k2@{MASK_DOMAIN}"
_PHONE: "ViewportSize" = {"width": 390, "height": 780}
_SECONDS = 120
_LINK = re.compile(r"http://127\.0\.0\.1(/emails/held/\S+)")
_SPAM = (
    ("Ann <ann@sender.example>", "cheap pills"),
    ("Ann <ann@sender.example>", "cheaper pills"),
    ("Bank <service@bank.example>", "your code"),
    ("שלום <shalom@sender.example>", "שלום עולם"),
    ("Parcels <eve@evil.example>", "Your parcel waits, see http://evil.example/pay"),
)


def draw(browser: Browser, stack: Stack, origin: str) -> bytes:
    """Let mails be held and the owner be told, and draw that; returns a PNG."""
    stack.add_user(_OWNER)
    stack.add_mask(_OWNER, "--address", _MASK.partition("@")[0])
    _execute(stack, "UPDATE emails_profile SET blocks_spam = true")
    for number, (sender, subject) in enumerate(_SPAM, start=1):
        raw = f"From: {sender}\r\nTo: {_MASK}\r\nSubject: {subject}\r\n\r\nhello\r\n"
        stack.aws.deliver(raw.encode(), [_MASK], spam="FAIL")
        _wait_until(partial(_holds, stack, number))
    _execute(stack, "UPDATE emails_heldmail SET held_at = held_at - interval '2 hours'")
    stack.run_job("send_held_digests")
    _wait_until(lambda: bool(stack.aws.sent()))
    html, (everything, *each) = _digest(stack.aws.sent()[-1].raw)
    page = browser.new_page(viewport=_PHONE)
    page.set_content(html)
    shots = [page.screenshot()]
    shots += [_shot(page, origin + everything, "light"), _shot(page, origin + each[0], "dark")]
    return side_by_side(browser, [[one] for one in shots])


def _shot(page: Page, url: str, scheme: str) -> bytes:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(url)
    return page.screenshot()


def _digest(raw: bytes) -> tuple[str, list[str]]:
    """Return the digest's HTML, and where its links lead: to all mails, then to each."""
    mail = message_from_bytes(raw, policy=policy.default)
    html, text = mail.get_body(("html",)), mail.get_body(("plain",))
    if html is None or text is None:
        raise LookupError("the digest has no text")
    return html.get_content(), _LINK.findall(text.get_content())


def _holds(stack: Stack, number: int) -> bool:
    return _execute(stack, "SELECT count(*) FROM emails_heldmail") == [(number,)]


def _execute(stack: Stack, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(stack.environ["DATABASE_URL"], autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def _wait_until(is_done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _SECONDS
    while not is_done():
        if time.monotonic() > deadline:
            raise LookupError("the mails were not held, or the owner was not told")
        time.sleep(0.2)
