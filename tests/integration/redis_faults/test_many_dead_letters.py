"""More dead letters than a small Redis can hold: it keeps the latest, and mails still flow."""

import pytest

from bridge.ledger.dead_letter_limit import find_bytes
from tests.integration.redis_faults.conftest import FaultyRelay
from tests.waiting import wait_until

pytestmark = pytest.mark.servers

MEMORY = 16 * 1024 * 1024
REFUSED = {"notificationType": "Received", "mail": "x" * 30_000}
"""Looks like a notification of SES's, and is refused at once."""
NUMBER = 600


def test_refused_messages_do_not_fill_redis_and_others_are_sent(relay: FaultyRelay) -> None:
    """Lesson 50: they filled a Redis of 16 MB, and nothing moved until somebody wiped it."""
    assert NUMBER * len(REFUSED["mail"]) > MEMORY
    relay.redis.config_set("maxmemory", MEMORY)
    processes = [relay.stack.start_bridge(), relay.stack.start_workers(threads=8)]

    for _ in range(NUMBER):
        relay.aws.notify(REFUSED)
    relay.deliver(5)
    relay.wait_for_sent(5)

    relay.wait_for_log(processes[1], "dead letter dropped")
    assert 0 < find_bytes(relay.redis) <= MEMORY / 4
    wait_until("SQS has all that were refused", lambda: relay.in_sqs() == NUMBER)
    assert [process.is_running() for process in processes] == [True, True]
