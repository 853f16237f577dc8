"""The admin's pages of dead letters: who may do what, and that nothing of a mail gets out."""

import re

import pytest
import redis
from django.contrib.admin.models import LogEntry
from django.test import Client

from tests.dead_letters import Bury, dead
from tests.environment import NOWHERE
from tests.integration.dead_letters.conftest import ACT, LIST, LogIn, lead_to_no_redis, text
from tests.integration.emails.conftest import a_mask, an_owner
from tests.unit.operations.builders import SECRETS, a_notification

pytestmark = pytest.mark.django_db


def test_the_admins_index_leads_to_the_list(staff: Client, bury: Bury) -> None:
    bury(dead_letter_id="dead-1")

    assert "/admin/operations/deadletter/" in text(staff.get("/admin/"))
    assert "dead-1" in text(staff.get("/admin/operations/deadletter/", follow=True))


def test_a_list_counts_the_reasons_and_shows_nothing_of_a_mail(staff: Client, bury: Bury) -> None:
    bury(reason="time_limit")
    for _ in range(2):
        bury(reason="refused:mail_missing")

    page = text(staff.get(LIST))

    assert "refused:mail_missing: <b>2</b>" in page
    assert "time_limit: <b>1</b>" in page
    assert "all: <b>3</b>" in page
    for secret in SECRETS:
        assert secret not in page


def test_pages_lead_from_the_newest_to_the_oldest(staff: Client, bury: Bury) -> None:
    made = [bury(minutes_ago=minutes) for minutes in range(120)]

    met, url = [], LIST
    for _ in range(3):
        page = text(staff.get(url))
        met += re.findall(r'name="id" value="([^"]+)"', page)
        found = re.search(r'href="([^"]+)">Older', page)
        url = found[1].replace("&amp;", "&") if found else ""

    assert met == made
    assert url == ""


def test_a_filter_is_posted_and_then_stands_in_the_url(staff: Client, bury: Bury) -> None:
    bury(dead_letter_id="wanted", reason="time_limit")
    bury(dead_letter_id="other")

    page = staff.post(f"{LIST}filter/", {"reason": "time_limit", "newer_than": "2h"}, follow=True)

    assert page.redirect_chain == [(f"{LIST}?reason=time_limit&newer_than=2h", 302)]
    assert 'value="wanted"' in text(page)
    assert 'value="other"' not in text(page)


def test_a_mask_is_filtered_by_its_id(staff: Client, bury: Bury) -> None:
    mask = a_mask(an_owner())
    bury(dead_letter_id="wanted", notification=a_notification("x7k2@masks.example"))
    bury(dead_letter_id="other", notification=a_notification("else@masks.example"))

    page = text(staff.get(LIST, {"mask_id": f"random-{mask.pk}"}))

    assert 'value="wanted"' in page
    assert 'value="other"' not in page


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("mask_id", "x7k2@masks.example", "random-12"),
        ("mask_id", "random-999999", "There is no mask"),
        ("newer_than", "soon", "10m, 3h or 2d"),
        ("reason", "ann@owner.example", "refused:send_rejected"),
        ("queue", "mail", "not one of the available choices"),
    ],
)
def test_a_wrong_filter_is_told_and_gets_into_no_url(
    staff: Client, bury: Bury, name: str, value: str, said: str
) -> None:
    bury(dead_letter_id="dead-1")

    page = staff.post(f"{LIST}filter/", {name: value})

    assert said in text(page)
    assert 'value="dead-1"' not in text(page)
    links = re.findall(r'(?:href|action)="([^"]*)"', text(page))
    assert not [link for link in links if f"={value}" in link or "@" in link]


def test_one_is_shown_without_its_mail_until_it_is_revealed(staff: Client, bury: Bury) -> None:
    bury(dead_letter_id="dead-1", dead_letter={"error_type": "ValueError", "attempts": 9})

    redacted = text(staff.get(f"{LIST}dead-1/"))
    revealed = text(staff.post(f"{LIST}dead-1/reveal/"))

    assert "ValueError" in redacted
    for secret in SECRETS:
        assert secret not in redacted
        assert secret in revealed
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.change_message) == ("dead-1", "Revealed.")


def test_what_an_exception_quotes_is_shown_as_text_only(staff: Client, bury: Bury) -> None:
    bury(dead_letter_id="dead-1", notification="<script>alert(1)</script>")

    assert "<script>alert" not in text(staff.post(f"{LIST}dead-1/reveal/"))


def test_what_is_gone_is_not_found(staff: Client) -> None:
    assert staff.get(f"{LIST}dead-1/").status_code == 404


@pytest.mark.parametrize(
    ("permissions", "path", "posted"),
    [
        ((), LIST, None),
        ((), f"{LIST}dead-1/", None),
        (("requeue",), ACT, {"action": "requeue", "id": "dead-1"}),
        (("view", "delete", "reveal"), ACT, {"action": "requeue", "id": "dead-1"}),
        (
            ("view", "requeue", "reveal"),
            ACT,
            {"action": "delete-all", "confirmed": "1"},
        ),
        (("view", "requeue", "delete"), f"{LIST}dead-1/reveal/", {}),
        (("view", "requeue", "delete"), ACT, {"action": "explode", "id": "dead-1"}),
    ],
)
def test_what_is_not_permitted_is_forbidden(
    log_in: LogIn,
    bury: Bury,
    client: redis.Redis,
    permissions: tuple[str, ...],
    path: str,
    posted: dict[str, str] | None,
) -> None:
    bury(dead_letter_id="dead-1")
    browser = log_in(*permissions)

    answer = browser.get(path) if posted is None else browser.post(path, posted)

    assert answer.status_code == 403
    assert dead(client) == ["dead-1"]
    assert not LogEntry.objects.exists()


def test_what_is_not_permitted_is_not_offered(log_in: LogIn, bury: Bury) -> None:
    bury(dead_letter_id="dead-1")
    browser = log_in("view")

    for page in (text(browser.get(LIST)), text(browser.get(f"{LIST}dead-1/"))):
        assert "Requeue" not in page
        assert "Delete" not in page
        assert "whole notification" not in page


def test_who_is_no_staff_is_sent_to_the_login(log_in: LogIn, bury: Bury) -> None:
    browser = log_in("view", "requeue", is_staff=False)

    assert browser.get(LIST)["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("path", [ACT, f"{LIST}dead-1/reveal/"])
def test_nothing_is_done_by_a_get_or_from_another_site(
    log_in: LogIn, bury: Bury, client: redis.Redis, path: str
) -> None:
    bury(dead_letter_id="dead-1")
    browser = log_in("view", "requeue", "reveal", checks_csrf=True)
    chosen = {"action": "requeue", "id": "dead-1"}

    assert browser.get(path, chosen).status_code == 405
    assert browser.post(path, chosen).status_code == 403
    assert dead(client) == ["dead-1"]


def test_a_redis_that_is_away_is_told(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    lead_to_no_redis(monkeypatch)

    page = staff.get(LIST)

    assert page.status_code == 503
    assert f"Redis ({NOWHERE}) does not answer: Connection refused" in page.content.decode()
