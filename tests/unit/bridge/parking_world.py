"""A bridge at a queue and a host of certificates that may be down."""

import json
from collections.abc import Sequence

import fakeredis

from bridge.breakers import OwnBreakers
from bridge.messages import Handle
from bridge.parking import MOST_PARKED, Parking
from bridge.poller import Poller
from bridge.ports import EntryFailed, QueueUnavailable
from bridge.sns.certificates import CertificateUnavailable, HostUnavailable
from bridge.sns.envelope import Envelope
from runtime.breakers import find_all_open
from tests.fake_queue import FakeQueue
from tests.ledger import Ledger, a_ledger
from tests.unit.bridge.envelopes import TOPIC, a_notification, authenticate
from tests.unit.bridge.pollers import a_poller

GENUINE = json.dumps(a_notification())
WRONG_TOPIC = json.dumps(a_notification() | {"TopicArn": f"{TOPIC}2"})
UNKNOWN = json.dumps(a_notification() | {"SigningCertURL": "https://invented"})
VISIBILITY_SECONDS = 30


class QueueThatGoesAway(FakeQueue):
    """`is_away` makes all changes of visibility fail."""

    is_away = False

    def change_visibility(self, handles: Sequence[Handle], seconds: int) -> list[EntryFailed]:
        if self.is_away:
            raise QueueUnavailable("ReadTimeoutError")
        return super().change_visibility(handles, seconds)


class World:
    """A bridge's poller on fakes; the certificate host is up or down."""

    def __init__(self, places: int = MOST_PARKED, *, delete_failed_messages: bool = False) -> None:
        self.now = 1_000.0
        self.is_host_up = True
        self.fetches = 0
        self.queue = QueueThatGoesAway(visibility_seconds=VISIBILITY_SECONDS)
        self.redis = fakeredis.FakeRedis()
        self.ledger: Ledger = a_ledger(self.redis)
        self.parking = Parking(
            self.queue,
            visibility_seconds=VISIBILITY_SECONDS,
            places=places,
            monotonic=self.time,
        )
        self.breakers = OwnBreakers(self.redis, "b1", monotonic=self.time)
        self.poller: Poller = a_poller(
            self.queue,
            self.ledger,
            authenticate=self.authenticate,
            parking=self.parking,
            breakers=self.breakers,
            delete_failed_messages=delete_failed_messages,
        )

    def time(self) -> float:
        return self.now

    def authenticate(self, body: str) -> Envelope:
        if "https://invented" in body:
            raise CertificateUnavailable("answered 404", code="404", may_be_forged=True)
        if TOPIC + '2"' not in body:
            self.fetches += 1
            if not self.is_host_up:
                raise HostUnavailable("sns…: TimeoutError", code="TimeoutError")
        return authenticate(body)

    def pass_time(self, seconds: float) -> None:
        """Let time pass as a running bridge does: with a heartbeat every ten seconds."""
        while seconds > 0:
            step = min(seconds, 10)
            seconds -= step
            self.now += step
            self.queue.pass_time(step)
            self.parking.keep_hidden()
            self.poller.judge_parked()

    def deliver(self, number: int, body: str = GENUINE) -> None:
        """Let messages arrive and be received, ten at a time."""
        for _ in range(number):
            self.queue.put(body)
        for _ in range((number + 9) // 10):
            self.poller.cycle(min(10, number))

    def receive_counts(self) -> set[int]:
        return {stored.message.receive_count for stored in self.queue._stored.values()}

    def open(self) -> dict[str, str]:
        return {one.dependency: one.code for one in find_all_open(self.redis)}
