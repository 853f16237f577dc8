"""Each step from SQS to the workers may fail: the message is then where the next one finds it.

The parts are the real ones, on a real Redis and moto's SQS; only handing on is told to fail.
"""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
import redis

from bridge.breakers import OwnBreakers
from bridge.dispositions import Disposition
from bridge.ledger import keys
from bridge.ledger.acknowledgements import Acknowledgements
from bridge.ledger.confirmations import Confirmations
from bridge.ledger.dispatch import Dispatched, Dispatcher, NotAdmitted, Work
from bridge.ledger.reservations import Reservations
from bridge.ledger.room import Room
from bridge.messages import Handle
from bridge.parking import Parking
from bridge.poller import Poller, PollerOptions
from bridge.sns.envelope import Envelope, parse
from bridge.sqs import SqsQueue
from bridge.totals import Totals
from bridge.visibility import Leases, Visibility
from emails.wire import INBOUND_QUEUE
from tests.ledger import a_visibility
from tests.seals import SEALS
from tests.waiting import wait_until
from tools.local.aws import LocalAws
from tools.local.ses import received_inline


class FailingHandover(Dispatcher):
    """Loses its connection as often as it is told to."""

    failures = 0

    def dispatch(
        self,
        batch: Sequence[Work],
        now_ms: int,
        *,
        has_waited: bool = False,
        may_admit: bool = True,
    ) -> list[Dispatched | NotAdmitted | redis.RedisError]:
        if self.failures:
            self.failures -= 1
            raise redis.ConnectionError
        return super().dispatch(batch, now_ms, has_waited=has_waited, may_admit=may_admit)


@dataclass
class Bench:
    """A poller with its parts within reach."""

    aws: LocalAws
    client: redis.Redis
    inbox: SqsQueue
    redis_url: str
    leases: Leases = field(default_factory=Leases)
    stopping: threading.Event = field(default_factory=threading.Event)

    def poller(self, *, failures: int = 0, max_in_flight: int = 10, bridge: str = "b1") -> Poller:
        handover = FailingHandover(
            self.client, 60, seals=SEALS, bridge=bridge, queue=self.inbox.queue_name
        )
        handover.failures = failures
        return Poller(
            queue=self.inbox,
            reservations=Reservations(self.client, 60, queue=self.inbox.queue_name),
            has_room=Room(self.client).is_left,
            leases=self.leases,
            acknowledgements=Acknowledgements(self.client, 60, SEALS),
            dispatcher=handover,
            confirmations=Confirmations(self.client, SEALS),
            authenticate=self.authenticate,
            seal=SEALS.seal,
            parking=Parking(self.inbox, visibility_seconds=30),
            breakers=OwnBreakers(self.client, bridge),
            totals=Totals(),
            options=PollerOptions(bridge, max_in_flight, 30, False, False),
            stopping=self.stopping,
        )

    def visibility(self) -> Visibility:
        return a_visibility(self.inbox, self.client, self.leases)

    def authenticate(self, body: str) -> Envelope:
        return parse(body)

    def deliver(self, number: int = 1) -> None:
        for one in range(number):
            self.aws.notify(received_inline(b"hello", ["a@masks.example"], ses_id=str(one)))

    def enqueued(self) -> list[str]:
        messages = self.client.hvals(f"{keys.NAMESPACE}:{INBOUND_QUEUE}.msgs")
        return [json.loads(message)["options"]["sqs_message_id"] for message in messages]

    def is_visible(self) -> bool:
        return self.inbox.count().visible == 1


@pytest.fixture
def bench(aws: LocalAws, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint)
    client = redis.Redis.from_url(redis_url)
    client.flushdb()
    inbox = SqsQueue(aws.queue_url, "us-east-1", wait_seconds=1, visibility_seconds=60)
    return Bench(aws, client, inbox, redis_url)


def test_a_message_that_could_not_be_enqueued_is_shown_again_and_not_held(bench: Bench) -> None:
    """Held, it would be kept hidden for its whole lifetime while nobody works on it."""
    bench.deliver()

    with pytest.raises(redis.ConnectionError):
        bench.poller(failures=1).cycle(10)

    assert bench.is_visible()
    assert bench.leases.snapshot() == []
    assert bench.poller().cycle(10).dispositions == {Disposition.ENQUEUED: 1}
    assert len(bench.enqueued()) == 1
    assert len(bench.leases) == 1


def test_what_a_last_receive_brings_after_the_order_to_stop_is_shown_again(bench: Bench) -> None:
    bench.deliver()
    bench.stopping.set()

    assert bench.poller().cycle(10).received == 0

    assert bench.is_visible()
    assert bench.enqueued() == []


def test_an_error_in_one_message_ends_with_that_message(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lesson 14: whatever it is, the others are handed on."""
    bench.deliver(3)
    calls: list[str] = []

    def fail_once(body: str) -> Envelope:
        calls.append(body)
        if len(calls) == 1:
            raise KeyError("a bug")
        return parse(body)

    bench.authenticate = fail_once  # type: ignore[method-assign]

    assert bench.poller().cycle(10).dispositions == {Disposition.ERROR: 1, Disposition.ENQUEUED: 2}


def test_a_message_that_redis_refuses_does_not_keep_the_others(bench: Bench) -> None:
    bench.deliver(3)
    messages = bench.inbox.receive(10)
    bench.client.set(f"relay:message:{messages[0].message_id}", "not an entry")
    bench.inbox.change_visibility(
        [Handle(one.message_id, one.receipt_handle) for one in messages], 0
    )

    assert bench.poller().cycle(10).dispositions == {Disposition.ERROR: 1, Disposition.ENQUEUED: 2}
    assert len(bench.enqueued()) == len(bench.leases) == 2


def test_no_more_is_asked_for_than_may_be_in_flight(bench: Bench) -> None:
    bench.deliver(5)
    poller = bench.poller(max_in_flight=3)

    assert poller.demand(10) == 3
    assert bench.poller(max_in_flight=3, bridge="b2").demand(10) == 0
    poller.cycle(poller.demand(10))

    assert poller.demand(10) == 0
    wait_until("three are in flight", lambda: len(bench.enqueued()) == 3)


def test_a_message_that_was_lost_in_redis_is_enqueued_when_it_is_delivered_again(
    bench: Bench,
) -> None:
    bench.deliver()
    bench.poller().cycle(10)
    bench.client.delete(
        f"{keys.NAMESPACE}:{INBOUND_QUEUE}", f"{keys.NAMESPACE}:{INBOUND_QUEUE}.msgs"
    )

    bench.visibility().beat()

    assert bench.is_visible()
    assert bench.poller().cycle(10).dispositions == {Disposition.ENQUEUED: 1}
    assert len(bench.enqueued()) == 1


def test_lost_messages_take_no_room_from_those_that_must_bring_them_back(bench: Bench) -> None:
    """With all room theirs nobody received any more, until their lifetime was over."""
    bench.deliver(2)
    poller = bench.poller(max_in_flight=1)
    poller.cycle(poller.demand(10))
    assert poller.demand(10) == 0
    bench.client.delete(
        f"{keys.NAMESPACE}:{INBOUND_QUEUE}", f"{keys.NAMESPACE}:{INBOUND_QUEUE}.msgs"
    )

    bench.visibility().beat()

    assert poller.demand(10) == 1
    assert poller.cycle(1).dispositions == {Disposition.ENQUEUED: 1}
    assert poller.demand(10) == 0
