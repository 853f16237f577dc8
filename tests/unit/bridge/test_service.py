"""The running bridge, with its queue and its Redis in memory: when it polls on, when it waits."""

import json
import threading
import time

import fakeredis
import pytest

from bridge.breakers import OwnBreakers
from bridge.config import BridgeConfig
from bridge.deleter import Deleter
from bridge.gate import Gate
from bridge.judge import Authenticate
from bridge.ledger.heartbeats import Heartbeats
from bridge.messages import Message
from bridge.parking import Parking
from bridge.poller import Poller
from bridge.reporter import Reporter
from bridge.service import Components, Service
from bridge.sns.envelope import Envelope
from bridge.totals import Totals
from bridge.visibility import Leases
from runtime.breakers import Breakers
from runtime.controls.store import ControlStore
from runtime.controls.watch import ControlWatch
from runtime.dependencies import Dependency
from runtime.env import load
from runtime.seals import Seals
from tests.fake_queue import FakeQueue
from tests.ledger import a_ledger, a_visibility
from tests.unit.bridge.envelopes import TOPIC, a_notification, authenticate
from tests.unit.bridge.pollers import a_poller

SETTINGS = {
    "AWS_REGION": "us-east-1",
    "AWS_SQS_EMAIL_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/mail",
    "AWS_SNS_TOPIC": TOPIC,
    "LEDGER_SECRETS": "a-ledger-secret-of-these-tests-alone",
    "PROCESS_EMAIL_GRACE_SECONDS": "0",
}
GENUINE, FORGED = json.dumps(a_notification()), "{}"
UNNEEDED = json.dumps(a_notification('{"eventType": "Open"}'))


class QueueThatStops(FakeQueue):
    """Gives the same messages at each receive; the last receive orders the service to stop."""

    def __init__(self, stopping: threading.Event, receives: int) -> None:
        super().__init__(visibility_seconds=0)
        self._stopping = stopping
        self._left = receives

    def receive(self, max_messages: int, *, waits: bool = True) -> list[Message]:
        self._left -= 1
        if self._left == 0:
            self._stopping.set()
        return super().receive(max_messages, waits=waits)


def run(
    *bodies: str,
    receives: int,
    is_open: bool = False,
    authenticate: Authenticate = authenticate,
) -> float:
    """Run a bridge over these messages; gives how many seconds its receives took."""
    stopping = threading.Event()
    queue = QueueThatStops(stopping, receives)
    for body in bodies:
        queue.put(body)
    parts = components(queue, stopping, is_open, authenticate)
    service = Service(load(BridgeConfig, SETTINGS), parts, stopping, drain=False)
    started = time.monotonic()
    thread = threading.Thread(target=service.run)
    thread.start()
    is_through = stopping.wait(20)
    seconds = time.monotonic() - started
    service.stop("the test's end")
    thread.join()
    assert is_through, f"less than {receives} receives in 20 seconds"
    return seconds


def components(
    queue: FakeQueue, stopping: threading.Event, is_open: bool, authenticate: Authenticate
) -> Components:
    client = fakeredis.FakeRedis()
    workers = Breakers(client)
    for _ in range(5 if is_open else 0):
        workers.failed(Dependency.SES, "AccessDenied")
    ledger, leases, totals = a_ledger(client), Leases(), Totals()
    parking, breakers = Parking(queue, visibility_seconds=30), OwnBreakers(client, "b1")
    return Components(
        queue=queue,
        in_flight=ledger.in_flight,
        acknowledgements=ledger.acknowledgements,
        leases=leases,
        gate=Gate(workers, breakers, parking, ControlWatch(ControlStore(client, Seals(("a",))))),
        parking=parking,
        breakers=breakers,
        poller=a_poller(
            queue,
            ledger,
            leases=leases,
            totals=totals,
            stopping=stopping,
            parking=parking,
            breakers=breakers,
            authenticate=authenticate,
        ),
        deleter=Deleter(queue, ledger.acknowledgements, totals, delete_failed_messages=False),
        visibility=a_visibility(queue, client, leases),
        reporter=Reporter(load(BridgeConfig, SETTINGS), queue, Heartbeats(client), [totals]),
    )


def test_a_bridge_asks_for_as_many_batches_as_its_poller_wants_to_receive_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []

    def demand(poller: Poller, wanted: int) -> int:
        asked.append(wanted)
        return 1

    monkeypatch.setattr(Poller, "calls", property(lambda poller: 3))
    monkeypatch.setattr(Poller, "demand", demand)
    run(GENUINE, receives=2)

    assert set(asked) == {30}


def test_after_batches_that_failed_whole_the_bridge_waits_longer_each_time() -> None:
    """A certificate's host that is down must not become a busy loop."""

    def fail(body: str) -> Envelope:
        raise RuntimeError(body)

    assert run(GENUINE, GENUINE, receives=3, authenticate=fail) >= 0.25 + 0.5


@pytest.mark.parametrize("bodies", [(), (GENUINE, FORGED), (FORGED, FORGED)])
def test_after_any_other_batch_the_bridge_polls_on(bodies: tuple[str]) -> None:
    """With the waits of a bridge that backs off, so many receives would take minutes.

    Forgeries stay hidden in SQS, and good mail behind them must not wait.
    """
    run(*bodies, receives=20)


def test_what_is_no_work_does_not_stand_before_the_mail_that_may_close_a_breaker() -> None:
    """At one every five seconds, hundreds of events kept a breaker open for five minutes."""
    run(*[UNNEEDED] * 10, GENUINE, receives=10, is_open=True)
