"""Operators' pages while the database is away: who saw them lately may still read them."""

import importlib
from typing import Any

import pytest
import redis
from django.db import connections
from django.test import Client

from relay.operations import passes
from relay.operations.judgement import database, read
from tests.environment import NOWHERE
from tests.integration.operations.conftest import a_member_of_staff

PAGES = ["/admin/dashboard/", "/admin/runbook/"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    """Let no test see what another found."""
    read.forget()
    database.forget()


def take_away(monkeypatch: pytest.MonkeyPatch) -> None:
    connections["default"].close()
    host, port = NOWHERE.split(":")
    monkeypatch.setitem(connections["default"].settings_dict, "HOST", host)
    monkeypatch.setitem(connections["default"].settings_dict, "PORT", port)


def test_who_was_admitted_before_still_reads_and_learns_what_is_away(
    client: Client, wiped_redis: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.force_login(a_member_of_staff("view_dashboard"))
    assert client.get("/admin/dashboard/").status_code == 200

    take_away(monkeypatch)

    assert [client.get(page).status_code for page in PAGES] == [200, 200]
    said = client.get("/admin/dashboard/live.json").json()["overall"]
    assert said["causes"][0]["cause"] == "database_away"
    assert "Connection refused" in said["text"]


@pytest.mark.parametrize("path", ["/admin/dashboard/", "/admin/", "/admin/dead-letters/"])
def test_others_are_told_that_the_database_is_away(
    client: Client, wiped_redis: redis.Redis, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    client.force_login(a_member_of_staff())
    take_away(monkeypatch)

    answer = client.get(path)

    assert answer.status_code == 503
    assert answer["Retry-After"]
    assert "The database is away" in answer.content.decode()


@pytest.mark.parametrize("cookie", ["", "x", "WyJkYXNoYm9hcmQudmlld19kYXNoYm9hcmQiXQ:1:x"])
def test_a_pass_of_ones_own_making_admits_nobody(
    client: Client, wiped_redis: redis.Redis, monkeypatch: pytest.MonkeyPatch, cookie: str
) -> None:
    client.force_login(a_member_of_staff())
    client.cookies[passes.COOKIE] = cookie
    take_away(monkeypatch)

    assert client.get("/admin/dashboard/").status_code == 503


def test_a_pass_is_no_use_while_the_database_answers(
    client: Client, wiped_redis: redis.Redis, settings: Any
) -> None:
    user = a_member_of_staff("view_dashboard")
    client.force_login(user)
    client.get("/admin/dashboard/")
    assert client.cookies[passes.COOKIE]["httponly"]
    user.user_permissions.clear()

    assert client.get("/admin/dashboard/").status_code == 403


def test_the_web_process_looks_after_its_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    database = connections.settings["default"]
    monkeypatch.setitem(database, "CONN_HEALTH_CHECKS", False)

    # It looks at the database when it is imported, so not before the test's own is there.
    importlib.reload(importlib.import_module("relay.wsgi"))

    assert database["CONN_HEALTH_CHECKS"] is True
