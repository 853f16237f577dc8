"""The links in a note: GET shows, POST acts, and only who has the link can do either."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from emails.edges import held_links, note_links
from emails.models import BlockedSender, Profile, RandomMask
from emails.rules.sender_blocks import Sender, SenderKind
from emails.store import held, lookups, sender_blocks
from emails.values.facts import MaskKind, MaskRef
from emails.values.outcomes import Blocked, BlockReason, Forwarded, ForwardReason
from tests.integration.emails.conftest import SECRET, Relay, a_held_mail, a_mask, an_owner

ADDRESS = "ann@owner.example"
BOB = Sender(SenderKind.ADDRESS, "bob@sender.example")
FROM_BOB = b"From: Bob <bob@sender.example>\r\nContent-Type: text/html\r\n\r\n<p>Hi</p>\r\n"
FORWARDED = Forwarded(ForwardReason.EXISTING_MASK)


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """The workers' side has its secret from its ports; here both have the same."""
    monkeypatch.setattr(settings, "REPLY_SECRETS", (SECRET,))


class Site:
    """An owner who got a mail, and their browser at the links of its note."""

    def __init__(self, relay: Relay, raw: bytes = FROM_BOB) -> None:
        self.relay = relay
        self.client = Client(headers={"x-forwarded-proto": "https"})
        self.owner = an_owner(ADDRESS, is_premium=True)
        self.mask = a_mask(self.owner)
        assert self.arrive(raw) == FORWARDED
        mail = relay.mailer.mail_to(ADDRESS)
        html = mail.get_payload(decode=True)
        assert isinstance(html, bytes)
        found = re.findall(r'href="https?://[^/]+(/emails/note/(\w+)/[^"]+)"', html.decode())
        self.urls = {action: path for path, action in found}

    def arrive(self, raw: bytes = FROM_BOB, to: str = "x7k2@masks.example") -> Any:
        (outcome,) = self.relay.arrive(to, raw=raw, headers={"From": "Bob <bob@sender.example>"})
        return outcome

    def get(self, action: str) -> str:
        page = self.client.get(self.urls[action])
        assert page.status_code == 200
        return str(page.content.decode())

    def post(self, link: str, **fields: object) -> Any:
        """Press a button: the form's token is the page's."""
        found = re.search(r'name="form" value="([^"]+)"', self.get(link))
        assert found
        return self.client.post(self.urls[link], {"form": found[1]} | fields)

    def after(self, answer: Any) -> str:
        assert answer.status_code == 303
        return str(self.client.get(answer["Location"]).content.decode())


@pytest.fixture
def site(relay: Relay) -> Site:
    return Site(relay)


def everything() -> list[Any]:
    """The content of all tables that the pages can change."""
    tables = (RandomMask, BlockedSender, Profile)
    return [list(table.objects.order_by("pk").values()) for table in tables]


def test_the_mask_is_turned_off_and_on_again(site: Site) -> None:
    assert "x7k2@masks.example" in site.get("off")

    off = site.after(site.post("off", action="off"))

    assert "The mask is off." in off
    assert "Turn it on again" in off
    assert site.arrive() == Blocked(BlockReason.BLOCKS_ALL)
    assert "Nothing was left to do." in site.after(site.post("off", action="off"))
    assert "The mask is on again." in site.after(site.post("off", action="on"))
    assert site.arrive() == FORWARDED


@pytest.mark.parametrize("scope", ["all", "mask"])
def test_the_sender_is_blocked_and_unblocked(site: Site, scope: str) -> None:
    a_mask(site.owner, "y8m3")
    assert "bob@sender.example" in site.get("block")

    blocked = site.after(site.post("block", action="block", scope=scope))

    assert "The sender is blocked." in blocked
    assert site.arrive() == Blocked(BlockReason.BLOCKS_SENDER)
    elsewhere = Blocked(BlockReason.BLOCKS_SENDER) if scope == "all" else FORWARDED
    assert site.arrive(to="y8m3@masks.example") == elsewhere
    assert "Nothing was left" in site.after(site.post("block", action="block", scope=scope))
    (shown,) = sender_blocks.find_blocked(site.owner.pk, [SECRET])
    assert shown.text == "bob@sender.example"
    assert "no longer blocked" in site.after(site.post("block", action="unblock"))
    assert site.arrive() == FORWARDED


LIST = FROM_BOB.replace(b"Content", b"List-Unsubscribe: <mailto:leave@lists.example>\r\nContent", 1)


def test_a_list_that_is_left_by_mail_is_left_with_one_click(relay: Relay) -> None:
    """RFC 8058: the owner's mail provider posts, without having seen a page."""
    site = Site(relay, LIST)
    mail = relay.mailer.mail_to(ADDRESS)
    url = mail["List-Unsubscribe"].strip("<>")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"

    assert site.client.get(url).status_code == 200
    assert site.arrive(LIST) == FORWARDED, "a GET changes nothing"
    answer = site.client.post(url, {"List-Unsubscribe": "One-Click"})

    assert answer.status_code == 204
    assert site.arrive(LIST) == Blocked(BlockReason.BLOCKS_SENDER)
    a_mask(site.owner, "y8m3")
    assert site.arrive(LIST, "y8m3@masks.example") == FORWARDED, "for this mask only"


def test_what_is_held_of_a_blocked_sender_is_deleted(site: Site) -> None:
    hashed = sender_blocks.hash_sender(BOB, site.owner.pk, SECRET)
    mail = a_held_mail(site.owner, random_mask=site.mask, sender=hashed)
    assert mail in [one.id for one in held.find_held()]

    site.post("block", action="block", scope="all")

    assert mail not in [one.id for one in held.find_held()]


@pytest.mark.parametrize("method", ["get", "head", "options"])
@pytest.mark.parametrize("link", ["off", "block"])
def test_what_a_link_scanner_fetches_changes_nothing(site: Site, link: str, method: str) -> None:
    before = everything()

    getattr(site.client, method)(f"{site.urls[link]}?action={link}&scope=all&done=blocked")

    assert everything() == before


@pytest.mark.parametrize(
    ("link", "fields"),
    [
        ("off", {"action": "off"}),
        ("off", {"action": "off", "form": "x"}),
        ("block", {"action": "block", "scope": "all"}),
    ],
)
def test_without_the_form_of_the_page_nothing_happens(
    site: Site, link: str, fields: dict[str, str]
) -> None:
    before = everything()

    assert site.client.post(site.urls[link], fields).status_code == 403
    assert everything() == before


def test_the_form_of_one_page_does_not_serve_the_other(site: Site) -> None:
    form = re.search(r'name="form" value="([^"]+)"', site.get("off"))
    assert form

    answer = site.client.post(
        site.urls["block"], {"form": form[1], "action": "block", "scope": "all"}
    )

    assert answer.status_code == 403
    assert site.post("off", action="block").status_code == 403
    assert site.post("block", action="block", scope="everyone").status_code == 403
    assert not BlockedSender.objects.exists()


def test_the_pages_are_not_stored_framed_named_or_scripted(site: Site) -> None:
    for url in (*site.urls.values(), "/emails/note/off/x/"):
        page = site.client.get(url)
        assert page["Cache-Control"] == "no-store"
        assert page["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in page["Content-Security-Policy"]
        assert not page.cookies
        assert "<script" not in page.content.decode()


def test_a_link_ends_with_its_age_the_address_the_mask_and_the_account(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def status() -> int:
        return int(site.client.get(site.urls["off"]).status_code)

    user = site.owner.user
    user.email = "new@owner.example"
    user.save()
    assert status() == 410
    user.email, user.is_active = ADDRESS, False
    user.save()
    assert status() == 410
    user.is_active = True
    user.save()
    assert status() == 200
    with monkeypatch.context() as patch:
        patch.setattr("emails.note_pages.timedelta", lambda days: timedelta(days=-10_000))
        assert status() == 410
    site.mask.delete()
    assert status() == 410


def test_a_token_that_was_changed_or_made_with_another_secret_is_refused(site: Site) -> None:
    token = site.urls["off"].split("/")[-2]
    mask = lookups.find_mask_by_ref(MaskRef(MaskKind.RANDOM, site.mask.pk))
    assert mask is not None
    other = note_links.make_link_token(mask.owner, mask.mask.ref, BOB, site.relay.now, b"other")
    changed = token[:-1] + ("A" if token[-1] != "A" else "B")

    for forged in (other, token[1:], changed[::-1], "é", "x" * 2_000, "="):
        assert site.client.get(f"/emails/note/off/{forged}/").status_code == 403, forged


def test_a_link_of_one_owner_does_nothing_to_another(site: Site) -> None:
    eve = an_owner("eve@owner.example")
    hers = a_mask(eve, "z9n4")
    owner = lookups.find_mask_by_ref(MaskRef(MaskKind.RANDOM, hers.pk))
    mine = lookups.find_mask_by_ref(MaskRef(MaskKind.RANDOM, site.mask.pk))
    assert owner is not None
    assert mine is not None
    mixed = note_links.make_link_token(owner.owner, mine.mask.ref, BOB, site.relay.now, SECRET)

    assert site.client.get(f"/emails/note/off/{mixed}/").status_code == 410


def test_without_one_sender_there_is_no_block_page(relay: Relay) -> None:
    site = Site(relay)
    mask = lookups.find_mask_by_ref(MaskRef(MaskKind.RANDOM, site.mask.pk))
    assert mask is not None
    token = note_links.make_link_token(mask.owner, mask.mask.ref, None, relay.now, SECRET)

    assert site.client.get(f"/emails/note/block/{token}/").status_code == 403
    assert (
        "/emails/note/block/" not in site.client.get(f"/emails/note/off/{token}/").content.decode()
    )


@pytest.mark.parametrize(
    ("language", "words"), [("de", "Maske"), ("es", "máscara"), ("fr", "masque")]
)
def test_the_pages_speak_the_owners_language(site: Site, language: str, words: str) -> None:
    Profile.objects.update(language=language)

    assert words in site.get("off")
    assert words in site.get("block")
    assert "mask " not in site.get("off")


def test_a_form_expires() -> None:
    link = note_links.NoteLink(1, "x", MaskRef(MaskKind.RANDOM, 1), None)
    form = note_links.make_form_token(link, "note_off")

    note_links.check_form_token(form, link, "note_off")
    with pytest.raises(held_links.Forged):
        note_links.check_form_token(form, link, "note_block")
