"""What the pages do with dead letters: requeue and delete, selected ones or all matches."""

import logging
import time

import pytest
import redis
from django.contrib.admin.models import LogEntry
from django.test import Client

from tests.dead_letters import Bury, dead, queued
from tests.integration.dead_letters.conftest import ACT, text

pytestmark = pytest.mark.django_db


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

    assert "time ran out before the others: repeat it" in first
    assert len(dead(client)) == 50
    assert "time ran out" not in text(staff.post(ACT, chosen, follow=True))
    assert dead(client) == []


def test_a_wrong_filter_does_not_become_all(staff: Client, bury: Bury, client: redis.Redis) -> None:
    bury(dead_letter_id="a")

    staff.post(ACT, {"action": "delete-all", "confirmed": "1", "mask_id": "random-999999"})
    staff.post(ACT, {"action": "delete", "confirmed": "1"})

    assert dead(client) == ["a"]
