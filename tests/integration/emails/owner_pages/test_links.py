"""Only who has the page's link can see it, and only its own buttons act."""

import re
import time
from datetime import timedelta

import pytest

from emails.edges.held_links import make_link_token
from emails.models import BlockedSender, HeldMail
from emails.rules.sender_blocks import Sender, SenderKind
from emails.store import sender_blocks
from tests.integration.emails.conftest import SECRET, a_mask, an_owner
from tests.integration.emails.digests.conftest import hold
from tests.integration.emails.owner_pages.conftest import ADDRESS, Site, everything
from tests.unit.emails.builders import NOW


@pytest.mark.parametrize(
    ("action", "told"),
    [("release", "This mail is on its way"), ("delete", "This mail is no longer held")],
)
def test_a_link_to_a_mail_that_is_gone_says_so(site: Site, action: str, told: str) -> None:
    path = f"{site.mails[0]}/"
    site.post(path, action=action)

    assert told in site.get(path).content.decode()


BOB = Sender(SenderKind.ADDRESS, "bob@sender.example")


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
    sender_blocks.record_block(site.owner.pk, BOB, None, [SECRET], NOW)
    block = BlockedSender.objects.get().pk
    before = everything()

    for path, action in (
        ("", "release_all"),
        (f"{site.mails[0]}/", "release"),
        ("blocked/", "unblock"),
        ("digest/", "digest_off"),
    ):
        form = fields | {"action": action, "blocked": block}
        answer = site.client.post(site.url + path, form)
        assert answer.status_code == 403
        assert "Nothing was changed." in answer.content.decode()
    assert everything() == before


def test_the_form_of_one_mail_does_not_act_on_another(site: Site) -> None:
    found = re.search(r'value="([^"]+:[^"]+)"', site.get(f"{site.mails[0]}/").content.decode())
    assert found

    for path, action in (
        (f"{site.mails[1]}/", "delete"),
        ("", "release_all"),
        ("blocked/", "unblock"),
        ("digest/", "digest_off"),
    ):
        answer = site.client.post(site.url + path, {"form": found[1], "action": action})
        assert answer.status_code == 403
    assert set(site.states().values()) == {"held"}


@pytest.mark.parametrize("action", ["", "release_everything", "no"])
@pytest.mark.parametrize("page", ["", "blocked/", "digest/", "mail"])
def test_an_unknown_action_is_refused(site: Site, action: str, page: str) -> None:
    sender_blocks.record_block(site.owner.pk, BOB, None, [SECRET], NOW)
    path = f"{site.mails[0]}/" if page == "mail" else page
    before = everything()

    assert site.post(path, action=action).status_code == 403
    assert everything() == before


def test_what_a_page_says_was_done_can_not_be_made_up(site: Site) -> None:
    page = site.client.get(site.url + "?done=<b>You won</b>").content.decode()

    assert "You won" not in page
    assert 'role="status"' not in page


def test_without_a_valid_link_the_browsers_language_is_used(site: Site) -> None:
    page = site.client.get("/emails/held/x/", headers={"accept-language": "de"})

    assert "Dieser Link ist ungültig" in page.content.decode()


def test_a_refused_request_leaves_no_link_in_the_log(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    token = site.url.split("/")[3]
    for path in ("", "blocked/", "digest/", f"{site.mails[0]}/"):
        assert site.client.post(site.url + path, {"form": "x"}).status_code == 403
        assert site.client.put(site.url + path).status_code == 405
    site.owner.user.email = "new@owner.example"
    site.owner.user.save()
    assert site.get().status_code == 410

    assert [one for one in caplog.records if one.name == "django.request"]
    assert token not in caplog.text
