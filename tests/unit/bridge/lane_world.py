"""A bridge that dispatches by lane, with fake queues and a fake Redis."""

import json
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import cast

import fakeredis

from bridge.breakers import OwnBreakers
from bridge.by_lane import ByLane
from bridge.dispositions import Disposition
from bridge.ledger.confirmations import Confirmations
from bridge.ledger.dispatch import Dispatcher
from bridge.ledger.lanes import Lanes
from bridge.ledger.story import Story
from bridge.messages import Message
from bridge.overflow import Overflow, Submit
from bridge.parking import Parking
from bridge.poller import Poller, PollerOptions
from bridge.ports import EntryFailed, QueueUnavailable
from bridge.queue_changes import QueueChanges
from bridge.sns.lanes import LaneNames
from bridge.story_notes import StoryNotes
from bridge.totals import Totals
from bridge.visibility import Leases
from bridge.waiting import Waiting
from tests.fake_queue import FakeQueue
from tests.ledger import Ledger, a_ledger
from tests.seals import SEALS
from tests.unit.bridge import envelopes
from tests.unit.bridge.envelopes import TOPIC, a_notification

MOST, SHARE, PLACES, PLACES_ASIDE = 200, 30, 12, 400
ENQUEUED, MOVING, WAITING = Disposition.ENQUEUED, Disposition.MOVING, Disposition.WAITING


class OverflowQueue(FakeQueue):
    """May be away, refuse single messages, or end the bridge right after it took some."""

    queue_name = "overflow"
    is_away = False
    refuses = 0
    before_send: Callable[[], object] = staticmethod(lambda: None)
    after_send: Callable[[], object] = staticmethod(lambda: None)

    def put(self, body: str, message_id: str | None = None) -> str:
        # SQS gives a copy an id of its own.
        return super().put(body, message_id or f"moved-{uuid.uuid4().hex}")

    def send(self, messages: Sequence[Message]) -> list[EntryFailed]:
        if self.is_away:
            raise QueueUnavailable("EndpointConnectionError")
        self.before_send()
        super().send(messages[self.refuses :])
        self.after_send()
        return [EntryFailed(one.handle, "InternalError", True) for one in messages[: self.refuses]]


def a_mail(mask: str = "flood@masks.example") -> str:
    received = {"notificationType": "Received", "receipt": {"recipients": [mask]}}
    return json.dumps(a_notification(json.dumps(received)))


BOUNCE = json.dumps(a_notification('{"notificationType": "Bounce"}'))


def _at_once(job: Callable[[], None]) -> None:
    job()


@dataclass
class World:
    """A bridge of the queue `mail`, and its overflow queue."""

    has_overflow: bool = True
    main: FakeQueue = field(default_factory=FakeQueue)
    overflow: OverflowQueue = field(default_factory=OverflowQueue)
    ledger: Ledger = field(default_factory=lambda: a_ledger(fakeredis.FakeRedis()))
    now: float = 1000.0
    submit: Submit = _at_once

    def __post_init__(self) -> None:
        self.lanes = Lanes(self.ledger.client)
        self.waiting = self._waiting(self.main)
        self.poller = self._poller(self.main, self.overflow if self.has_overflow else None)
        self.of_overflow = self._poller(self.overflow, None, is_overflow=True)

    def _waiting(self, queue: FakeQueue) -> Waiting:
        return Waiting(
            queue,
            visibility_seconds=30,
            places=PLACES,
            places_aside=PLACES_ASIDE,
            monotonic=lambda: self.now,
        )

    def _poller(
        self, queue: FakeQueue, target: FakeQueue | None, *, is_overflow: bool = False
    ) -> Poller:
        client, totals = self.ledger.client, Totals()
        waiting = self._waiting(queue) if is_overflow else self.waiting
        changes = QueueChanges(queue, self.ledger.acknowledgements, totals)
        overflow = Overflow(
            *(target, self.lanes, waiting, changes),
            monotonic=lambda: self.now,
            submit=self.submit,
            totals=totals,
            notes=StoryNotes(client, Story(1_000)),
        )
        return Poller(
            queue=queue,
            reservations=self.ledger.reservations,
            has_room=lambda: True,
            leases=Leases(),
            acknowledgements=self.ledger.acknowledgements,
            dispatcher=Dispatcher(
                *(client, 60),
                seals=SEALS,
                bridge="b1",
                queue=queue.queue_name,
                max_in_flight=MOST,
                is_overflow=is_overflow,
            ),
            confirmations=Confirmations(client, SEALS),
            seal=SEALS.seal,
            authenticate=partial(envelopes.authenticate, topics=[TOPIC]),
            parking=Parking(queue, visibility_seconds=30),
            breakers=OwnBreakers(client, "b1"),
            totals=totals,
            options=PollerOptions(f"b1{'/overflow' * is_overflow}", MOST, 30, False, False),
            stopping=threading.Event(),
            by_lane=ByLane(self.lanes, LaneNames(b"key"), overflow, MOST, is_overflow),
        )

    def put(self, number: int, body: str = "") -> None:
        body = body or a_mail()
        for _ in range(number):
            self.main.put(body)

    def poll(self, cycles: int = 1, most_mails: int | None = None) -> dict[Disposition, int]:
        found: dict[Disposition, int] = {}
        for _ in range(cycles):
            self.poller.retry(most_mails)
            if demand := self.poller.demand(10):
                cycle = self.poller.cycle(demand, most_mails)
                for disposition, number in cycle.dispositions.items():
                    found[disposition] = found.get(disposition, 0) + number
        return found

    def queued(self, name: str) -> int:
        return self.ledger.client.llen(f"relay:{name}")

    def end(self, queue: str, most: int) -> int:
        """Let workers end so many of what is in one of their queues; gives how many there were."""
        client = self.ledger.client
        entries = client.lpop(f"relay:{queue}", most) or []
        for entry in cast("list[bytes]", entries):
            stored = cast("bytes", client.hget(f"relay:{queue}.msgs", entry))
            message_id = json.loads(stored)["options"]["sqs_message_id"]
            client.hdel(f"relay:{queue}.msgs", entry)
            self.ledger.acknowledgements.acknowledge(message_id, actor_queue=queue, failure=None)
        return len(entries)

    def end_all(self, queue: str) -> None:
        """Let workers end what is in one of their queues."""
        self.end(queue, 1_000_000)

    def all_left(self) -> int:
        counts = [queue.count() for queue in (self.main, self.overflow)]
        return sum(one.visible + one.not_visible for one in counts)
