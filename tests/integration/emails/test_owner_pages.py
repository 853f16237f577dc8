"""The owner's pages: GET shows, POST acts, and only who has the link can do either."""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from emails.edges.held_links import make_link_token
from emails.flow.blocked_names import name_blocked_senders
from emails.models import BlockedSender, HeldDigest, HeldMail, Profile
from emails.rules.sender_blocks import Sender, SenderKind
from emails.store import digests, held, sender_blocks
from emails.values.errors import NotFinished
from emails.values.outcomes import Blocked, BlockReason, HeldReason, RetryReason
from tests.integration.emails.conftest import SECRET, Relay, a_mask, an_owner
from tests.integration.emails.test_digests import hold
from tests.unit.emails.builders import NOW

ADDRESS = "ann@owner.example"
EVE = "Eve <eve@evil.example>"


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """The workers' side has its secret from its ports; here both have the same."""
    monkeypatch.setattr("emails.held_pages.reply_secret_of", lambda *_: b"a secret for tests")


class Site:
    """An owner with held mails, and their browser at the digest's link."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.client = Client(headers={"x-forwarded-proto": "https"})
        self.owner = an_owner(ADDRESS, blocks_spam=True)
        self.mask = a_mask(self.owner)
        hold(relay, "first")
        hold(relay, "second")
        hold(relay, "third", From=EVE)
        self.relay.now += timedelta(hours=1)
        opened = digests.open_digest(self.owner.pk, relay.now)
        assert opened is not None
        self.digest = opened.id
        self.url = f"/emails/held/{make_link_token(opened.id, self.owner.pk, ADDRESS)}/"
        self.mails = [mail.id for mail in held.find_held()]

    def get(self, path: str = "", **headers: str) -> Any:
        return self.client.get(self.url + path, headers=headers)

    def post(self, path: str = "", **fields: object) -> Any:
        """Press a button: the form's token is the page's."""
        found = re.search(r'name="form" value="([^"]+)"', self.get(path).content.decode())
        form = {"form": found[1]} if found else {}
        return self.client.post(self.url + path, form | fields)

    def after(self, answer: Any) -> str:
        """Follow the redirect of a POST; return the page."""
        assert answer.status_code == 303
        page = self.client.get(answer["Location"])
        assert page.status_code == 200
        return str(page.content.decode())

    def states(self) -> dict[int, str]:
        return dict(HeldMail.objects.order_by("pk").values_list("pk", "state"))


@pytest.fixture
def site(relay: Relay) -> Site:
    return Site(relay)


def everything() -> list[Any]:
    """The content of all tables that the pages can change."""
    tables = (HeldMail, HeldDigest, BlockedSender, Profile)
    return [list(table.objects.order_by("pk").values()) for table in tables]


def test_the_list_shows_mask_time_size_and_reason_and_nothing_of_the_mails(site: Site) -> None:
    page = site.get().content.decode()

    assert page.count("x7k2@masks.example") == 3
    assert "It looks like spam." in page
    assert "Release all 3 mails" in page
    for secret in ("first", "bob@sender.example", "Bob", "evil.example", ADDRESS):
        assert secret not in page


def test_the_pages_are_not_stored_framed_named_or_scripted(site: Site) -> None:
    refused = site.client.get("/emails/held/x/")
    for page in (site.get(), site.get(f"{site.mails[0]}/"), refused):
        assert page["Cache-Control"] == "no-store"
        assert page["Referrer-Policy"] == "no-referrer"
        assert page["X-Frame-Options"] == "DENY"
        policy = page["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert not page.cookies
        html = page.content.decode()
        assert "<script" not in html
        assert not re.search(r" (?:style|on\w+)=", html)


@pytest.mark.parametrize("method", ["get", "head", "options"])
@pytest.mark.parametrize("query", ["", "?action=release_all", "?action=delete&form=x&done=deleted"])
def test_what_a_link_scanner_fetches_changes_nothing(site: Site, method: str, query: str) -> None:
    before = everything()

    for path in ("", *(f"{mail}/" for mail in site.mails)):
        getattr(site.client, method)(site.url + path + query)

    assert everything() == before


def test_one_mail_is_released(site: Site) -> None:
    answer = site.post(f"{site.mails[0]}/", action="release")

    assert "The mail is on its way." in site.after(answer)
    assert site.states() == dict(zip(site.mails, ["releasing", "held", "held"], strict=True))
    site.relay.release_held()
    assert [mail.recipient for mail in site.relay.mailer.sent] == [ADDRESS]
    assert site.states()[site.mails[0]] == "ended"


def test_a_mail_that_its_owner_released_arrives_though_its_sender_is_blocked(site: Site) -> None:
    site.post(f"{site.mails[0]}/", action="release")
    site.post(f"{site.mails[1]}/", action="block")

    site.relay.release_held()

    assert len(site.relay.mailer.sent) == 1


def test_a_mail_that_is_released_by_itself_is_blocked_if_its_sender_is(site: Site) -> None:
    held.release_all(site.owner.pk, HeldReason.SPAM)
    Profile.objects.update(blocks_spam=False)
    bob = Sender(SenderKind.ADDRESS, "bob@sender.example")
    sender_blocks.record_block(site.owner.pk, bob, None, SECRET, NOW)

    site.relay.release_held()

    reasons = HeldMail.objects.order_by("pk").values_list("outcome_reason", flat=True)
    assert list(reasons) == ["blocks_sender", "blocks_sender", "existing_mask"]


def test_all_are_released(site: Site) -> None:
    page = site.after(site.post(action="release_all"))

    assert "The mails are on their way." in page
    assert "No mail is held any more." in page
    assert set(site.states().values()) == {"releasing"}


def test_a_mail_is_deleted(site: Site) -> None:
    page = site.after(site.post(f"{site.mails[1]}/", action="delete"))

    assert "The mail was deleted." in page
    assert site.states()[site.mails[1]] == "ended"
    assert HeldMail.objects.get(pk=site.mails[1]).outcome_reason == "discarded"


def test_a_sender_is_blocked_and_what_is_held_from_there_is_deleted(site: Site) -> None:
    page = site.after(site.post(f"{site.mails[0]}/", action="block", scope="all"))

    assert "The sender is blocked, and their held mails were deleted." in page
    assert "the sender of a held mail" in page
    assert list(site.states().values()) == ["ended", "ended", "held"]
    blocked = (Blocked(BlockReason.BLOCKS_SENDER),)
    assert site.relay.arrive("x7k2@masks.example") == blocked
    name_blocked_senders(site.relay.ports(), site.relay.now)
    assert "bob@sender.example" in site.get().content.decode()


def test_a_sender_is_blocked_for_one_mask(site: Site) -> None:
    a_mask(site.owner, "other")
    page = site.after(site.post(f"{site.mails[0]}/", action="block", scope="mask"))

    assert "for the mask x7k2@masks.example" in page
    assert site.relay.arrive("x7k2@masks.example")[0].reason == "blocks_sender"
    assert site.relay.arrive("other@masks.example")[0].reason == "existing_mask"


def test_a_sender_is_unblocked(site: Site) -> None:
    site.post(f"{site.mails[0]}/", action="block")
    block = BlockedSender.objects.get()

    page = site.after(site.post(action="unblock", blocked=block.pk))

    assert "The sender is no longer blocked." in page
    assert site.relay.arrive("x7k2@masks.example")[0].reason == "existing_mask"


def test_another_owners_block_can_not_be_undone(site: Site) -> None:
    other = an_owner("other@owner.example")
    BlockedSender.objects.create(owner=other, sender="0" * 64, lookup="1" * 64, created_at=NOW)

    for number in (BlockedSender.objects.get().pk, "", "x", "9" * 40, "-1", "²"):
        assert "Nothing was left to do." in site.after(site.post(action="unblock", blocked=number))
    assert BlockedSender.objects.count() == 1


@pytest.mark.parametrize("action", ["release", "delete", "block"])
def test_a_second_press_is_harmless(site: Site, action: str) -> None:
    path = f"{site.mails[0]}/"
    found = re.search(r'name="form" value="([^"]+)"', site.get(path).content.decode())
    assert found
    fields = {"form": found[1], "action": action}
    site.client.post(site.url + path, fields)
    before = everything()

    page = site.after(site.client.post(site.url + path, fields))

    assert "Nothing was left to do." in page
    assert everything() == before


@pytest.mark.parametrize(
    ("action", "told"),
    [("release", "This mail is on its way"), ("delete", "This mail is no longer held")],
)
def test_a_link_to_a_mail_that_is_gone_says_so(site: Site, action: str, told: str) -> None:
    path = f"{site.mails[0]}/"
    site.post(path, action=action)

    assert told in site.get(path).content.decode()


def problem(site: Site, url: str) -> tuple[int, str]:
    page = site.client.get(url)
    heading = re.search(r"<h1>([^<]*)</h1>", page.content.decode())
    assert heading
    return page.status_code, heading[1]


def test_an_expired_link_is_gone(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    later = time.time() + timedelta(days=31).total_seconds()
    monkeypatch.setattr(time, "time", lambda: later)

    assert problem(site, site.url) == (410, "This link has expired")


def test_a_link_ends_when_the_owners_address_changes(site: Site) -> None:
    site.owner.user.email = "new@owner.example"
    site.owner.user.save()

    assert problem(site, site.url) == (410, "This link has expired")


@pytest.mark.parametrize("change", ["deactivated", "deleted"])
def test_a_link_ends_with_its_owner(site: Site, change: str) -> None:
    if change == "deleted":
        site.owner.user.delete()
    else:
        site.owner.user.is_active = False
        site.owner.user.save()

    assert problem(site, site.url) == (410, "This link has expired")


@pytest.mark.parametrize("url", ["/emails/held/x/", "/emails/held/a:b:c/", "/emails/held/x/1/"])
def test_a_forged_link_is_refused(site: Site, url: str) -> None:
    assert problem(site, url) == (403, "This link is not valid")
    assert problem(site, site.url[:-2] + "_/")[0] == 403


def test_a_link_to_a_digest_of_somebody_else_is_refused(site: Site) -> None:
    other = an_owner("other@owner.example")
    token = make_link_token(site.digest, other.pk, ADDRESS)

    assert problem(site, f"/emails/held/{token}/") == (403, "This link is not valid")


def test_a_link_shows_no_mail_of_others_and_none_that_its_digest_did_not_tell_of(
    site: Site,
) -> None:
    other = an_owner("other@owner.example", blocks_spam=True)
    a_mask(other, "other")
    hold(site.relay, to="other@masks.example")
    hold(site.relay, "untold")
    theirs, untold = HeldMail.objects.order_by("-pk")[:2]
    before = everything()

    for mail in (theirs.pk, untold.pk):
        page = site.get(f"{mail}/").content.decode()
        assert "This mail is no longer held" in page
        answer = site.post(f"{mail}/", action="release")
        assert answer.status_code in (303, 403)
    assert everything() == before
    assert site.get().content.decode().count("<li>") == 3


@pytest.mark.parametrize("fields", [{}, {"form": ""}, {"form": "x"}, {"form": "a:b:c"}])
def test_a_post_that_is_not_from_the_page_is_refused(site: Site, fields: dict[str, str]) -> None:
    before = everything()

    for path, action in (("", "release_all"), (f"{site.mails[0]}/", "release")):
        answer = site.client.post(site.url + path, fields | {"action": action})
        assert answer.status_code == 403
        assert "Nothing was changed." in answer.content.decode()
    assert everything() == before


def test_the_form_of_one_mail_does_not_act_on_another(site: Site) -> None:
    found = re.search(r'value="([^"]+:[^"]+)"', site.get(f"{site.mails[0]}/").content.decode())
    assert found

    for path, action in ((f"{site.mails[1]}/", "delete"), ("", "release_all")):
        answer = site.client.post(site.url + path, {"form": found[1], "action": action})
        assert answer.status_code == 403
    assert set(site.states().values()) == {"held"}


@pytest.mark.parametrize("action", ["", "release_everything", "unblock"])
def test_an_unknown_action_is_refused(site: Site, action: str) -> None:
    assert site.post(f"{site.mails[0]}/", action=action).status_code == 403


def test_what_a_page_says_was_done_can_not_be_made_up(site: Site) -> None:
    page = site.client.get(site.url + "?done=<b>You won</b>").content.decode()

    assert "You won" not in page
    assert 'role="status"' not in page


def test_a_busy_database_is_no_traceback(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object) -> None:
        raise NotFinished(RetryReason.DATABASE_BUSY)

    monkeypatch.setattr(held, "release", busy)

    answer = site.post(f"{site.mails[0]}/", action="release")

    assert answer.status_code == 503
    assert "Please try again" in answer.content.decode()


@pytest.mark.parametrize("language", ["en", "de", "es", "fr"])
def test_the_pages_are_in_the_owners_language(site: Site, language: str) -> None:
    Profile.objects.update(language=language)
    pages = [site.get(), site.get(f"{site.mails[0]}/"), site.get("0/")]

    for page in pages:
        html = page.content.decode()
        assert f'<html lang="{language}">' in html
        assert ("Held mail" in html or "no longer held" in html) is (language == "en")


def test_without_a_valid_link_the_browsers_language_is_used(site: Site) -> None:
    page = site.client.get("/emails/held/x/", headers={"accept-language": "de"})

    assert "Dieser Link ist ungültig" in page.content.decode()


def test_a_mail_without_one_sender_offers_no_block(site: Site) -> None:
    HeldMail.objects.update(sender=None)

    page = site.get(f"{site.mails[0]}/").content.decode()

    assert "Release" in page
    assert "Block this sender" not in page


def test_a_blocked_senders_name_comes_from_the_mail_as_long_as_it_is_there(site: Site) -> None:
    site.post(f"{site.mails[2]}/", action="block")
    mail = HeldMail.objects.get(pk=site.mails[2])
    stored = next(one for one in site.relay.mail_store.mails if one.key == mail.key)
    raw = site.relay.mail_store.mails.pop(stored)
    now = datetime.now(UTC)

    name_blocked_senders(site.relay.ports(), now)
    assert BlockedSender.objects.get().held_mail_id == mail.pk

    site.relay.mail_store.mails[stored] = raw
    site.relay.tidy_held()
    assert stored in site.relay.mail_store.mails
    name_blocked_senders(site.relay.ports(), now)
    assert "eve@evil.example" in site.get().content.decode()
    assert BlockedSender.objects.get().held_mail_id is None
    site.relay.tidy_held()
    assert stored not in site.relay.mail_store.mails


def test_a_name_that_can_not_be_had_is_given_up_after_a_day(site: Site) -> None:
    site.post(f"{site.mails[2]}/", action="block")
    site.relay.mail_store.mails.clear()

    name_blocked_senders(site.relay.ports(), datetime.now(UTC) + timedelta(days=2))

    assert BlockedSender.objects.get().held_mail_id is None
    assert "the sender of a held mail" in site.get().content.decode()
