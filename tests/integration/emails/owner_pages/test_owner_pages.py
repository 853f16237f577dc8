"""The owner's pages: GET shows, POST acts."""

import re

import pytest
from django.utils.formats import date_format

from emails.models import HeldMail, Profile
from emails.store import held
from emails.values.errors import NotFinished
from emails.values.outcomes import RetryReason
from tests.integration.emails.owner_pages.conftest import ADDRESS, Site, everything

PAGES = ("", "blocked/", "digest/")


def test_the_list_shows_mask_time_size_and_reason_and_nothing_of_the_mails(site: Site) -> None:
    page = site.get().content.decode()

    assert page.count("x7k2@masks.example") == 3
    expires_at = date_format(HeldMail.objects.latest("pk").expires_at, "DATE_FORMAT")
    assert page.count(expires_at) == 3
    assert "It looks like spam." in page
    assert "Release all 3 mails" in page
    for secret in ("first", "bob@sender.example", "Bob", "evil.example", ADDRESS):
        assert secret not in page


def test_the_pages_are_not_stored_framed_named_or_scripted(site: Site) -> None:
    refused = site.client.get("/emails/held/x/")
    own = [site.get(path) for path in PAGES]
    for page in (*own, site.get(f"{site.mails[0]}/"), refused):
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
@pytest.mark.parametrize(
    "query", ["", "?action=release_all", "?action=delete&form=x&done=deleted", "?action=digest_off"]
)
def test_what_a_link_scanner_fetches_changes_nothing(site: Site, method: str, query: str) -> None:
    before = everything()

    for path in (*PAGES, *(f"{mail}/" for mail in site.mails)):
        getattr(site.client, method)(site.url + path + query)

    assert everything() == before


def test_one_mail_is_released(site: Site) -> None:
    answer = site.post(f"{site.mails[0]}/", action="release")

    assert "The mail is on its way." in site.after(answer)
    assert site.states() == dict(zip(site.mails, ["releasing", "held", "held"], strict=True))
    site.relay.release_held()
    assert [mail.recipient for mail in site.relay.mailer.sent] == [ADDRESS]
    assert site.states()[site.mails[0]] == "ended"


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
    pages = [*map(site.get, PAGES), site.get(f"{site.mails[0]}/"), site.get("0/")]

    for page in pages:
        html = page.content.decode()
        assert f'<html lang="{language}">' in html
        assert ("Held mail" in html or "held mails" in html) is (language == "en")
