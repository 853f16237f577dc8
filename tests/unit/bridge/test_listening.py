"""While a bridge listens to an idle queue, nothing waits in it: no event is late.

A receive waits for up to 20 s. If each such wait counted as a pause, doubts in a quiet relay would
never end.
"""

from collections.abc import Callable
from types import SimpleNamespace

import fakeredis
import pytest

from bridge.messages import Message
from emails.wire import TAKING_KEY
from runtime.breakers import RESUMED_KEY
from tests.fake_queue import FakeQueue
from tests.ledger import a_ledger
from tests.unit.bridge.pollers import a_poller

WAIT_SECONDS = 20


class SlowQueue(FakeQueue):
    """An empty queue whose answers take `seconds`."""

    seconds = 0.0

    def __init__(self, pass_time: Callable[[float], None]) -> None:
        super().__init__()
        self._pass = pass_time

    def receive(self, max_messages: int, *, waits: bool = True) -> list[Message]:
        self._pass(self.seconds)
        return super().receive(max_messages, waits=waits)


@pytest.mark.parametrize(
    ("receive_seconds", "pause_seconds", "is_late"),
    [
        (WAIT_SECONDS, 1, False),
        (WAIT_SECONDS, 12, True),
        (1, 12, True),
        # An answer that is late says nothing of what came meanwhile.
        (WAIT_SECONDS + 12, 0, True),
    ],
)
def test_only_what_waits_while_nobody_listens_is_late(
    receive_seconds: int, pause_seconds: int, is_late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, now = fakeredis.FakeRedis(), [0.0]

    def pass_time(seconds: float) -> None:
        now[0] += seconds
        if client.exists(TAKING_KEY):
            client.pexpire(TAKING_KEY, client.pttl(TAKING_KEY) - int(seconds * 1000))

    clock = SimpleNamespace(
        monotonic=lambda: now[0],
        time=lambda: 1_000.0 + now[0],
        time_ns=lambda: int((1_000.0 + now[0]) * 1e9),
    )
    monkeypatch.setattr("bridge.poller.time", clock)
    queue = SlowQueue(pass_time)
    poller = a_poller(queue, a_ledger(client))
    poller.demand(1)
    poller.cycle(1)
    assert poller.demand(1) == 1

    queue.seconds = receive_seconds
    poller.cycle(1)
    pass_time(pause_seconds)
    assert poller.demand(1) == 1

    assert bool(client.exists(RESUMED_KEY)) == is_late
