"""The digest's link, as an owner opens it on a phone: whole processes, and a real browser."""

import re
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import TYPE_CHECKING

import psycopg
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Site
from tests.integration.conftest import MASK, OWNER, Relay
from tests.waiting import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import ViewportSize

OpenSite = Callable[[], Site]
PHONE: "ViewportSize" = {"width": 390, "height": 844}

BANK = "Bank <service@bank.example>"

_LINK = re.compile(r"http://127\.0\.0\.1(/emails/held/\S+)")


def a_mail(sender: str, subject: str) -> bytes:
    return (
        f"From: {sender}\r\nTo: {MASK}\r\nSubject: {subject}\r\n"
        f"Message-ID: <{subject.replace(' ', '-')}@sender.example>\r\n\r\nhello\r\n"
    ).encode()


class Owner:
    """Whose mails are held, and who gets a digest of them."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.execute("UPDATE emails_profile SET blocks_spam = true")
        relay.stack.start_workers()
        relay.stack.start_bridge()

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        url = self.relay.stack.environ["DATABASE_URL"]
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def states(self) -> dict[object, object]:
        """The state of each held mail, by its number: the order in which they arrived."""
        rows = self.execute("SELECT state FROM emails_heldmail ORDER BY id")
        return {number: state for number, (state,) in enumerate(rows, start=1)}

    def get_spam(self, sender: str, subject: str) -> None:
        held = len(self.states())
        self.relay.deliver(a_mail(sender, subject), spam="FAIL")
        wait_until("a held mail", lambda: len(self.states()) > held)

    def get_digest(self) -> EmailMessage:
        self.execute("UPDATE emails_heldmail SET held_at = held_at - interval '2 hours'")
        sent = len(self.relay.aws.sent())
        self.relay.stack.run_job("send_held_digests")
        self.relay.wait_for_sent(sent + 1)
        mail = self.relay.aws.sent()[-1]
        assert mail.recipients == (OWNER,)
        digest = message_from_bytes(mail.raw, policy=policy.default)
        assert isinstance(digest, EmailMessage)
        return digest


def paths_in(digest: EmailMessage) -> list[str]:
    """The links: to all, to each mail, the newest first, to blocked senders, and to the switch."""
    text = digest.get_body(("plain",))
    assert text is not None
    return _LINK.findall(text.get_content())


@pytest.fixture
def owner(relay: Relay) -> Owner:
    owner = Owner(relay)
    owner.get_spam("Ann <ann@sender.example>", "cheap pills")
    owner.get_spam("Ann <ann@sender.example>", "cheaper pills")
    owner.get_spam(BANK, "your code")
    return owner


def test_an_owner_releases_one_mail_and_blocks_the_sender_of_the_others(
    owner: Owner, open_site: OpenSite
) -> None:
    digest = owner.get_digest()
    assert digest["Subject"] == "3 mails are held for you"
    _, code, _, pills, blocked_senders, _ = paths_in(digest)
    site = open_site()
    page = site.page
    page.set_viewport_size(PHONE)

    # A link scanner fetches all links first.
    for path in paths_in(digest):
        assert page.request.get(site.origin + path).ok
        assert page.request.head(site.origin + path).ok
    assert set(owner.states().values()) == {"held"}

    page.goto(site.origin + code)
    expect(page.locator("dl")).to_contain_text(f"{len(a_mail(BANK, 'your code'))}\u00a0bytes")
    page.get_by_role("button", name="Release").click()
    expect(page.get_by_role("status")).to_contain_text("The mail is on its way.")
    expect(page.get_by_role("listitem")).to_have_count(2)
    owner.relay.stack.run_job("release_held_mails")
    owner.relay.wait_for_sent(2)
    released = owner.relay.aws.sent()[-1]
    assert released.recipients == (OWNER,)
    assert b"your code" in released.raw

    page.goto(site.origin + pills)
    page.get_by_label("for all my masks").check()
    page.get_by_role("button", name="Block and delete").click()
    expect(page.get_by_role("status")).to_contain_text("The sender is blocked")
    expect(page.get_by_text("No mail is held any more.")).to_be_visible()
    owner.relay.stack.run_job("read_blocked_senders")
    wait_until(
        "the sender's name",
        lambda: owner.execute("SELECT 1 FROM emails_blockedsender WHERE sealed IS NOT NULL"),
    )
    page.get_by_role("link", name="Blocked senders").click()
    assert page.url == site.origin + blocked_senders
    expect(page.locator("bdi.name")).to_have_text("ann@sender.example")

    owner.relay.deliver(a_mail("Ann Again <Ann+2@sender.example>", "cheapest pills"))
    blocked = "SELECT 1 FROM emails_delivery WHERE reason = 'blocks_sender'"
    wait_until("a blocked mail", lambda: owner.execute(blocked))
    assert len(owner.relay.aws.sent()) == 2
    page.get_by_role("button", name="Unblock").click()
    expect(page.get_by_role("status")).to_contain_text("The sender is no longer blocked.")
    expect(page.get_by_text("You block no senders.")).to_be_visible()

    # Reloading after a POST repeats nothing, and the browser asks nothing.
    assert "@" not in page.url
    assert site.complaints == []


def test_the_pages_fit_a_phone_in_light_and_dark_and_work_with_a_keyboard(
    owner: Owner, open_site: OpenSite
) -> None:
    everything, code, *_, blocked_senders, switch = paths_in(owner.get_digest())
    site = open_site()
    page = site.page
    page.set_viewport_size({"width": 320, "height": 640})
    backgrounds = set()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for path in (everything, code, blocked_senders, switch, "/emails/held/x/"):
            page.goto(site.origin + path)
            assert page.evaluate("document.documentElement.scrollWidth") == 320
            for button in page.get_by_role("button").all():
                box = button.bounding_box()
                assert box is not None
                assert box["height"] >= 44
        backgrounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(backgrounds) == 2

    page.goto(site.origin + everything)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.value") == "release_all"
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("The mails are on their way.")
    assert set(owner.states().values()) == {"releasing"}
    page.go_back()  # the page isn't stored, so it is asked for again
    expect(page.get_by_text("No mail is held any more.")).to_be_visible()
    page.get_by_role("link", name="Turn the digest off or on").click()
    page.get_by_role("button", name="Turn the digest off").click()
    expect(page.get_by_role("status")).to_contain_text("The digest is off.")
    assert owner.execute("SELECT gets_digests FROM emails_profile") == [(False,)]
    # The refused link's 403 is the only complaint.
    assert all("403" in one for one in site.complaints)
