"""A mail that kills each worker it meets, at default settings (P3): its claims stop nothing.

At defaults a claim lasts for 135 seconds, and Dramatiq gives a dead worker's message to the next
one after 15. Tests with shorter limits did not show that the attempts in between reset the count of
deaths: one mail killed fifteen workers in fifty minutes.
"""

import signal
import time

import pytest

from tests.integration.conftest import Relay, logged, wait_for_log
from tests.waiting import wait_until

MAX_DELIVERIES = 3
TAKEN_OVER_WITHIN_SECONDS = 45
"""Dead after 20 seconds of silence; then the next retry, after two to eight seconds."""


def wait_for_fetches(relay: Relay, number: int) -> None:
    """Wait until the mail was asked for so often. Nobody gets it."""
    wait_until("its mail is being fetched", lambda: relay.gate.arrived == number, seconds=60)


@pytest.mark.timeout(300)
def test_a_mail_that_kills_its_workers_is_dead_lettered_at_default_settings(relay: Relay) -> None:
    relay.gate.hold()
    relay.stack.start_bridge()
    relay.deliver()

    for death in range(1, MAX_DELIVERIES + 1):
        workers, started = relay.stack.start_workers(), time.monotonic()
        wait_for_fetches(relay, death)
        assert time.monotonic() - started < TAKEN_OVER_WITHIN_SECONDS
        workers.send_to_group(signal.SIGKILL)
        workers.wait(10)

    last = relay.stack.start_workers()
    wait_for_log(last, "message dead-lettered", reason="too_many_deliveries")
    assert relay.gate.arrived == MAX_DELIVERIES
    assert last.is_running()
    assert logged(last, "settled") == []
