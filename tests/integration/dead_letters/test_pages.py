"""The admin's pages of dead letters: who may do what, and that nothing of a mail gets out."""

import logging
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from bridge.ledger.dead_letters import DeadLetters
from tests.dead_letters import Bury, dead, queued
from tests.integration.dead_letters.conftest import lead_to_no_redis
from tests.integration.emails.conftest import a_mask, an_owner
from tests.unit.operations.builders import SECRETS, a_notification

pytestmark = pytest.mark.django_db

LIST = "/admin/dead-letters/"
ACT = f"{LIST}act/"

LogIn = Callable[..., Client]


@pytest.fixture
def log_in(store: DeadLetters) -> LogIn:
    """Log somebody of the staff in, with these permissions."""

    def enter(*names: str, is_staff: bool = True, checks_csrf: bool = False) -> Client:
        user = get_user_model().objects.create_user("staff", is_staff=is_staff)
        codenames = [f"{name}_dead_letter" for name in names]
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client = Client(headers={"x-forwarded-proto": "https"}, enforce_csrf_checks=checks_csrf)
        client.force_login(user)
        return client

    return enter


@pytest.fixture
def staff(log_in: LogIn) -> Client:
    """Somebody who may do everything with dead letters."""
    return log_in("view", "requeue", "delete", "reveal")


def text(page: Any) -> str:
    assert page.status_code == 200
    content: str = page.content.decode()
    return content


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


def test_those_ticked_are_requeued(staff: Client, bury: Bury, client: redis.Redis) -> None:
    for name in ("a", "b", "c"):
        bury(dead_letter_id=name)

    page = text(staff.post(ACT, {"action": "requeue", "id": ["a", "b"]}, follow=True))

    assert "Requeue: 2 requeued." in page
    assert (dead(client), queued(client)) == (["c"], 2)
    assert LogEntry.objects.get().change_message == "Requeue 2 chosen: 2 requeued"


def test_one_is_requeued_and_stands_in_the_history_by_its_id(
    staff: Client, bury: Bury, client: redis.Redis
) -> None:
    bury(dead_letter_id="a")

    staff.post(ACT, {"action": "requeue", "id": "a"})

    assert queued(client) == 1
    assert LogEntry.objects.get().object_id == "a"


@pytest.mark.parametrize(("action", "is_queued"), [("requeue-all", 1), ("delete-all", 0)])
def test_all_that_match_are_handled_once_that_is_confirmed(
    staff: Client, bury: Bury, client: redis.Redis, action: str, is_queued: int
) -> None:
    bury(dead_letter_id="a", reason="time_limit")
    bury(dead_letter_id="b")
    chosen = {"action": action, "reason": "time_limit"}

    assert "1 dead letters?" in text(staff.post(ACT, chosen))
    assert dead(client) == ["a", "b"]
    staff.post(ACT, chosen | {"confirmed": "1"})

    assert (dead(client), queued(client)) == (["b"], is_queued)
    assert "{'reason': 'time_limit'}" in LogEntry.objects.get().change_message


def test_those_ticked_are_deleted_once_that_is_confirmed(
    staff: Client, bury: Bury, client: redis.Redis
) -> None:
    for name in ("a", "b"):
        bury(dead_letter_id=name)
    chosen = {"action": "delete", "id": ["a"]}

    assert "1 dead letters?" in text(staff.post(ACT, chosen))
    assert dead(client) == ["a", "b"]
    staff.post(ACT, chosen | {"confirmed": "1"})

    assert dead(client) == ["b"]


@pytest.fixture
def _slow(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A clock by which each hundred dead letters take 21 seconds."""
    caplog.set_level(logging.INFO)
    monotonic = time.monotonic

    def clock() -> float:
        handled = [one for one in caplog.records if one.msg == "dead letters handled"]
        return monotonic() + 21 * len(handled)

    monkeypatch.setattr(time, "monotonic", clock)


@pytest.mark.usefixtures("_slow")
@pytest.mark.parametrize("action", ["requeue-all", "delete-all"])
def test_a_request_that_would_take_too_long_stops_and_says_so(
    staff: Client, bury: Bury, client: redis.Redis, action: str
) -> None:
    """The web process would be ended in the middle; so each request does a part."""
    for _ in range(150):
        bury()
    chosen = {"action": action, "confirmed": "1"}

    first = text(staff.post(ACT, chosen, follow=True))

    assert "there was no time for the others: do it again" in first
    assert len(dead(client)) == 50
    assert "no time" not in text(staff.post(ACT, chosen, follow=True))
    assert dead(client) == []


def test_a_wrong_filter_does_not_become_all(staff: Client, bury: Bury, client: redis.Redis) -> None:
    bury(dead_letter_id="a")

    staff.post(ACT, {"action": "delete-all", "confirmed": "1", "mask_id": "random-999999"})
    staff.post(ACT, {"action": "delete", "confirmed": "1"})

    assert dead(client) == ["a"]


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
    assert "be reached (ConnectionError)" in page.content.decode()
