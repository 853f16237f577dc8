"""The scheduler leaves a heartbeat, though it works on nothing."""

from bridge.ledger.heartbeats import Heartbeats, Role
from tests.integration.conftest import Relay
from tests.waiting import wait_until


def test_a_scheduler_beats_when_it_has_enqueued_and_leaves_when_it_stops(relay: Relay) -> None:
    scheduler = relay.stack.start_scheduler()
    heartbeats = Heartbeats(relay.redis)
    (found,) = wait_until("a heartbeat", heartbeats.find_all)
    wait_until("no news for a moment", lambda: heartbeats.find_all()[0].age_seconds > 1)
    wait_until("another beat", lambda: heartbeats.find_all()[0].age_seconds < 1)
    code = scheduler.stop()

    assert (found.process.role, found.process.pid) == (Role.SCHEDULER, scheduler.pid)
    assert (code, heartbeats.find_all()) == (0, [])
