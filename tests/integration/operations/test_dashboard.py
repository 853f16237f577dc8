"""The dashboard's addresses: who may see them, and what they tell when servers are down."""

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.test import Client

from bridge.ledger.heartbeats import Heartbeats, Process, Role
from relay.operations import history
from relay.operations.fail_fast import connect_queue
from relay.operations.gauges import Gauge
from relay.operations.judgement import read
from tests.environment import NOWHERE
from tests.integration.operations.conftest import a_member_of_staff
from tools.local.aws import LocalAws

PAGES = ["/admin/dashboard/", "/admin/runbook/"]
NUMBERS = ["/admin/dashboard/live.json", "/admin/dashboard/charts.json"]


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    """Let no test see what SQS told another."""
    yield
    read.forget()
    connect_queue.cache_clear()


@pytest.fixture
def operator(db: None, client: Client) -> Client:
    client.force_login(a_member_of_staff("view_dashboard"))
    return client


def tiles(operator: Client) -> dict[str, tuple[str, str]]:
    answer = operator.get("/admin/dashboard/live.json").json()
    return {tile["name"]: (tile["value"], tile["level"]) for tile in answer["tiles"]}


@pytest.mark.parametrize("path", PAGES)
def test_a_stranger_is_asked_to_log_in(client: Client, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 302
    assert answer["Location"] == f"/admin/login/?next={path}"


@pytest.mark.parametrize("path", PAGES)
def test_the_permission_is_no_use_to_who_is_not_staff(db: None, client: Client, path: str) -> None:
    user = a_member_of_staff("view_dashboard")
    user.is_staff = False
    user.save()
    client.force_login(user)

    assert client.get(path).status_code == 302


@pytest.mark.parametrize("path", [*PAGES, *NUMBERS])
def test_staff_without_the_permission_are_refused_and_told_which(
    db: None, client: Client, path: str
) -> None:
    client.force_login(a_member_of_staff())

    answer = client.get(path)

    assert answer.status_code == 403
    if path in PAGES:
        assert "dashboard.view_dashboard" in answer.content.decode()


@pytest.mark.parametrize("path", NUMBERS)
def test_numbers_are_for_nobody_who_is_not_logged_in(client: Client, path: str) -> None:
    assert client.get(path).status_code == 403


@pytest.mark.parametrize("path", [*PAGES, *NUMBERS])
def test_the_pages_may_load_nothing_from_elsewhere(operator: Client, path: str) -> None:
    answer = operator.get(path)

    assert "default-src 'none'; script-src 'self'" in answer["Content-Security-Policy"]
    loads = re.findall(r'src="([^"]+)"|<link[^>]+href="([^"]+)"', answer.content.decode())
    assert [one for one in loads if not "".join(one).startswith("/static/")] == []


def test_pages_are_only_asked_for(operator: Client) -> None:
    assert operator.post("/admin/dashboard/").status_code == 405


def test_the_admin_leads_to_the_dashboard(operator: Client) -> None:
    assert "/admin/dashboard/dashboard/" in operator.get("/admin/").content.decode()
    assert operator.get("/admin/dashboard/dashboard/")["Location"] == "/admin/dashboard/"


def test_nobody_is_offered_to_add_or_change_a_dashboard(db: None, client: Client) -> None:
    client.force_login(get_user_model().objects.create_superuser("root", password="x"))

    index = client.get("/admin/").content.decode()

    links = re.findall(r'<a href="(/admin/dashboard/dashboard/[^"]*)" class="(\w+)', index)
    assert links == [("/admin/dashboard/dashboard/", "viewlink")]
    assert client.get("/admin/dashboard/dashboard/add/").status_code == 403


@pytest.mark.parametrize("path", ["/admin/", *PAGES])
def test_no_page_leads_to_the_sites_root_where_there_is_nothing(
    operator: Client, path: str
) -> None:
    assert 'href="/"' not in operator.get(path).content.decode()


def test_the_numbers_are_those_of_now(
    operator: Client, wiped_redis: redis.Redis, aws: LocalAws, settings: Any, monkeypatch: Any
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint)
    settings.CONFIG = dataclasses.replace(
        django_settings.CONFIG,
        queue_url=aws.queue_url,
        dead_letter_queue_url=aws.dead_letter_queue_url,
    )
    aws.put("waits")
    Heartbeats(wiped_redis).beat(Process(Role.WORKER, 20))
    wiped_redis.zadd("relay:feedback.XQ", {"a dead letter": 1})

    told = tiles(operator)

    assert told["sqs_waiting"] == ("1", "good")
    assert told["sqs_dead"] == ("0", "good")
    assert told["workers"] == ("1", "good")
    assert told["bridges"] == ("0", "bad")
    assert told["dead_letters"] == ("1", "look")


def test_sqs_is_asked_once_in_a_while_however_many_look(
    operator: Client, wiped_redis: redis.Redis, aws: LocalAws, settings: Any, monkeypatch: Any
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint)
    settings.CONFIG = dataclasses.replace(django_settings.CONFIG, queue_url=aws.queue_url)
    assert tiles(operator)["sqs_waiting"] == ("0", "good")

    aws.put("waits")

    assert tiles(operator)["sqs_waiting"] == ("0", "good")
    read.forget()
    assert tiles(operator)["sqs_waiting"] == ("1", "good")


def test_servers_that_are_down_are_named_and_their_numbers_unknown(
    operator: Client, settings: Any
) -> None:
    settings.CONFIG = dataclasses.replace(
        django_settings.CONFIG,
        redis_url=f"redis://:swordfish@{NOWHERE}/0",
        queue_url=f"http://{NOWHERE}/1/mail",
    )

    answer = operator.get("/admin/dashboard/live.json")

    said = answer.json()["overall"]
    assert [one["cause"] for one in said["causes"]] == ["redis_away", "sqs_away"]
    assert said["text"].startswith(
        f"Redis ({NOWHERE}) can't be reached: Connection refused. Mail waits in SQS; none is lost."
    )
    assert "SQS can't be asked: EndpointConnectionError" in said["text"]
    assert {tile["level"] for tile in answer.json()["tiles"]} == {"unknown"}
    assert b"swordfish" not in answer.content
    assert operator.get("/admin/dashboard/charts.json").status_code == 503


def test_the_charts_tell_a_day_by_the_minute(
    operator: Client, wiped_redis: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    minute = 29_000_000
    monkeypatch.setattr("relay.operations.dashboard.views.time.time", lambda: minute * 60.0 + 60)
    history.record(wiped_redis, minute, [Gauge("in_flight", 4)])
    wiped_redis.hset(f"relay:tally:{minute}", "forwarded", 9)

    told = operator.get("/admin/dashboard/charts.json").json()

    assert (len(told["times"]), told["times"][-1]) == (1440, minute * 60)
    lines = {line["name"]: line["values"] for chart in told["charts"] for line in chart["lines"]}
    assert lines["forwarded"][-2:] == [0, 9]


def test_the_runbook_is_shown_with_its_headings_to_link_to(operator: Client) -> None:
    page = operator.get("/admin/runbook/").content.decode()

    assert '<h2 id="no-bridge-is-alive">' in page


def test_the_links_of_the_runbook_lead_somewhere(operator: Client) -> None:
    page = operator.get("/admin/runbook/").content.decode()
    article = page.partition("<article")[2].partition("</article")[0]
    anchors = set(re.findall(r'id="([^"]+)"', article))

    for link in set(re.findall(r'href="([^"]+)"', article)):
        if link.startswith("#"):
            assert link[1:] in anchors
        else:
            assert operator.get(f"/admin/runbook/{link}").status_code == 200, link


def test_what_is_no_page_of_the_docs_is_not_found(operator: Client) -> None:
    assert operator.get("/admin/runbook/nothing.md").status_code == 404
    assert operator.get("/admin/runbook/..%2FREADME.md").status_code == 404
