"""What one heartbeat does with a message, by what Redis knows of it."""

import fakeredis
import pytest

from bridge.ledger.in_flight import Entry
from bridge.messages import Handle
from bridge.visibility import Leases, Plan, Visibility, plan
from tests.fake_queue import FakeQueue
from tests.ledger import a_ledger, put_in_flight

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
    for handle in handles.values():
        leases.add(handle)

    Visibility(queue, ledger.in_flight, leases, bridge=OURS, visibility_seconds=60).beat()

    assert leases.snapshot() == [handles["in flight"]]
    assert [one.message_id for one in queue.receive(10)] == ["forgotten"]
    queue.pass_time(31)
    assert [one.message_id for one in queue.receive(10)] == ["done", "forgotten"]
    queue.pass_time(30)
    assert "in flight" in [one.message_id for one in queue.receive(10)]
