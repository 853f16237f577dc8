"""What one heartbeat does with a message, by what Redis knows of it."""

import pytest

from bridge.ledger.in_flight import Entry
from bridge.messages import Handle
from bridge.visibility import Leases, Plan, plan

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
