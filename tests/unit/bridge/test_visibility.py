"""What one heartbeat does with a message, by what Redis knows of it."""

import fakeredis
import pytest

from bridge.ledger.in_flight import Entry
from bridge.messages import Handle
from bridge.visibility import Leases, Plan, longest_seconds, plan
from tests.fake_queue import FakeQueue
from tests.ledger import a_ledger, a_visibility, put_in_flight

OURS = "bridge-1"
OLD = Handle("message-1", "old-handle")
NEW = Handle("message-1", "new-handle")


@pytest.mark.parametrize(
    ("what", "entry", "expected"),
    [
        ("in flight", Entry(True, False, OURS, OLD), Plan(extend=[OLD])),
        ("in flight, delivered again meanwhile", Entry(True, False, OURS, NEW), Plan(extend=[NEW])),
        ("adopted by another bridge", Entry(True, False, "bridge-2", NEW), Plan(drop=[OLD])),
        ("lost", Entry(True, True, OURS, NEW), Plan(release=[NEW], drop=[OLD])),
        ("lost by another bridge", Entry(True, True, "bridge-2", NEW), Plan(drop=[OLD])),
        ("ended", Entry(False, False, OURS, OLD), Plan(drop=[OLD])),
        ("unknown: redis lost it, or its life is over", None, Plan(release=[OLD], drop=[OLD])),
    ],
)
def test_what_a_heartbeat_does(what: str, entry: Entry | None, expected: Plan) -> None:
    assert plan({OLD: entry}, OURS) == expected, what


@pytest.mark.parametrize(
    ("received_minutes_ago", "minutes"),
    [
        (0, 11 * 60 + 50),
        (9, 11 * 60 + 50),
        (10, 11 * 60 + 40),
        (120, 9 * 60 + 50),
        (13 * 60, 1),  # it is visible again anyway
        (-5, 11 * 60 + 59),  # by another host's clock
    ],
)
def test_how_long_sqs_may_be_asked_to_hide_a_message(
    received_minutes_ago: int, minutes: int
) -> None:
    """SQS refuses more than twelve hours from the receive: a minute is left to the clocks."""
    now_ms = 1_700_000_000_000

    assert longest_seconds(now_ms - received_minutes_ago * 60_000, now_ms) == minutes * 60


def test_a_newer_receipt_handle_takes_the_place_of_the_older_one() -> None:
    leases = Leases()
    leases.add(OLD)
    leases.add(NEW)

    assert leases.snapshot() == [NEW]


def test_forgetting_an_older_handle_does_not_forget_the_message() -> None:
    """A message delivered again while a heartbeat is looking at it must stay leases."""
    leases = Leases()
    leases.add(OLD)
    leases.add(NEW)

    leases.drop([OLD])

    assert leases.snapshot() == [NEW]
    leases.drop([NEW])
    assert len(leases) == 0


def test_a_heartbeat_hides_releases_and_ends_leases() -> None:
    queue, leases, ledger = (
        FakeQueue(visibility_seconds=30),
        Leases(),
        a_ledger(fakeredis.FakeRedis()),
    )
    for name in ("in flight", "done", "forgotten"):
        queue.put("{}", name)
    handles = {
        one.message_id: Handle(one.message_id, one.receipt_handle) for one in queue.receive(10)
    }
    for name in ("in flight", "done"):
        put_in_flight(ledger.client, handles[name], bridge=OURS)
    ledger.acknowledgements.acknowledge("done", actor_queue="inbound", failure=None)
    ledger.acknowledgements.confirm("mail", ledger.acknowledgements.take("mail", 1, 0.1))
    for handle in handles.values():
        leases.add(handle)

    a_visibility(queue, ledger.client, leases, bridge=OURS).beat()

    assert leases.snapshot() == [handles["in flight"]]
    assert [one.message_id for one in queue.receive(10)] == ["forgotten"]
    queue.pass_time(31)
    assert [one.message_id for one in queue.receive(10)] == ["done", "forgotten"]
    queue.pass_time(30)
    assert "in flight" in [one.message_id for one in queue.receive(10)]
