"""Builds the bridge from its settings, and waits until Redis and SQS are available."""

import logging
import socket
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime

from redis.exceptions import RedisError

from bridge.breakers import OwnBreakers
from bridge.by_lane import ByLane
from bridge.config import BridgeConfig
from bridge.deleter import Deleter
from bridge.gate import Gate
from bridge.given_back import GivenBack
from bridge.judge import Authenticate
from bridge.ledger.acknowledgements import Acknowledgements
from bridge.ledger.adoption import Adoption
from bridge.ledger.confirmations import Confirmations
from bridge.ledger.dispatch import Dispatcher
from bridge.ledger.heartbeats import Heartbeats
from bridge.ledger.in_flight import InFlight
from bridge.ledger.lanes import Lanes
from bridge.ledger.reservations import Reservations
from bridge.ledger.room import Room
from bridge.ledger.story import Story
from bridge.loops import REMOTE_SECONDS, Backoff
from bridge.overflow import Overflow
from bridge.parking import Parking
from bridge.poller import Poller, PollerOptions
from bridge.ports import Queue, QueueUnavailable
from bridge.queue_changes import QueueChanges
from bridge.reporter import Reporter
from bridge.rush import MOST_CALLS, Rush
from bridge.service import Components
from bridge.sns import signature
from bridge.sns.certificates import certificates_of
from bridge.sns.envelope import Envelope
from bridge.sns.lanes import LaneNames
from bridge.sqs import SqsQueue
from bridge.story_notes import StoryNotes
from bridge.totals import Totals
from bridge.visibility import Leases, Visibility
from bridge.waiting import Waiting
from runtime.breakers import WORKERS, Breakers
from runtime.controls.store import ControlStore
from runtime.controls.watch import ControlWatch
from runtime.failures import fields_of
from runtime.redis_client import check_redis, connect, connect_fail_fast
from runtime.seals import Seals
from runtime.start import compare_clocks

logger = logging.getLogger(__name__)

_RESERVE_SECONDS = 30
_READY_CHECK_SECONDS = 0.05


def build_components(
    config: BridgeConfig, stopping: threading.Event, *, is_replay: bool
) -> Components:
    """Build the parts without connecting. Raises `QueueUnusable` if the AWS profile is missing."""
    # Not the host's name alone: a restarted bridge must not count as the owner of the old leases.
    bridge = f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}"
    builder = _Builder(config, stopping, bridge, is_replay=is_replay)
    queue = _queue_at(config.queue_url, config)
    if is_replay:
        return builder.build(queue)
    overflow = None
    if config.overflow_queue_url is not None:
        queue_of_overflow = _queue_at(config.overflow_queue_url, config)
        overflow = builder.build(queue_of_overflow, by_lane=True, is_overflow=True)
    return builder.build(queue, by_lane=True, overflow=overflow)


def _queue_at(url: str, config: BridgeConfig) -> SqsQueue:
    return SqsQueue(url, config.region, config.wait_seconds, config.visibility_seconds)


class _Builder:
    """Builds what serves a queue."""

    def __init__(
        self, config: BridgeConfig, stopping: threading.Event, bridge: str, *, is_replay: bool
    ) -> None:
        self._config = config
        self._stopping = stopping
        self._bridge = bridge
        self._is_replay = is_replay
        self._redis = connect(config.redis_url)
        self._fail_fast = connect_fail_fast(config.redis_url)
        self._seals = Seals(config.ledger_secrets)
        self._controls = ControlWatch(ControlStore(self._fail_fast, self._seals))
        self._story = Story(config.trace_events)
        self._totals: list[Totals] = []
        self._keepers: list[Leases | Parking | GivenBack | Waiting] = []

    def build(
        self,
        queue: Queue,
        *,
        by_lane: bool = False,
        is_overflow: bool = False,
        overflow: Components | None = None,
    ) -> Components:
        """Build the parts for a queue; those for its overflow queue come first."""
        config, redis, seals, totals = self._config, self._redis, self._seals, Totals()
        acknowledgements = Acknowledgements(redis, config.max_lifetime_seconds, seals, self._story)
        in_flight, leases = InFlight(redis, config.max_lifetime_seconds), Leases()
        breakers = OwnBreakers(self._fail_fast, f"{self._bridge}{'/overflow' * is_overflow}")
        parking = Parking(
            queue, visibility_seconds=config.visibility_seconds, places=config.max_in_flight
        )
        waiting = Waiting(queue, visibility_seconds=config.visibility_seconds) if by_lane else None
        changes = QueueChanges(queue, acknowledgements, totals)
        target = overflow.queue if overflow else None
        self._totals.append(totals)
        notes = StoryNotes(redis, self._story)
        poller = Poller(
            queue=queue,
            reservations=Reservations(redis, config.max_lifetime_seconds, queue=queue.queue_name),
            has_room=Room(redis).is_left,
            leases=leases,
            acknowledgements=acknowledgements,
            dispatcher=Dispatcher(
                redis,
                config.max_lifetime_seconds,
                seals=seals,
                bridge=self._bridge,
                queue=queue.queue_name,
                is_replay=self._is_replay,
                max_in_flight=config.max_in_flight if by_lane else 0,
                is_overflow=is_overflow,
                story=self._story,
            ),
            notes=notes,
            confirmations=Confirmations(redis, seals, self._story),
            authenticate=_make_authenticate(config),
            seal=seals.seal,
            parking=parking,
            breakers=breakers,
            totals=totals,
            options=self._options(is_overflow=is_overflow),
            stopping=self._stopping,
            by_lane=self._by_lane(target, waiting, changes, totals, is_overflow=is_overflow),
        )
        self._keepers += [leases, parking, poller.given_back, *([waiting] if waiting else [])]
        reporter = Reporter(
            config,
            queue,
            Heartbeats(redis),
            self._totals,
            [keeper.find_oldest_ms for keeper in self._keepers],
        )
        return Components(
            queue=queue,
            in_flight=in_flight,
            acknowledgements=acknowledgements,
            leases=leases,
            gate=Gate(Breakers(self._fail_fast, WORKERS), breakers, parking, self._controls),
            parking=parking,
            breakers=breakers,
            poller=poller,
            deleter=Deleter(
                queue,
                acknowledgements,
                totals,
                delete_failed_messages=config.delete_failed_messages,
                # In SQS's dead-letter queue they would be hidden from the next replay or redrive.
                hide_failed_messages=not self._is_replay,
                leases=leases,
            ),
            visibility=Visibility(
                queue,
                in_flight,
                leases,
                acknowledgements=acknowledgements,
                adoption=Adoption(redis, bridge=self._bridge, queue=queue.queue_name),
                bridge=self._bridge,
                heartbeat_seconds=config.heartbeat_seconds,
                visibility_seconds=config.visibility_seconds,
            ),
            reporter=None if is_overflow else reporter,
            waiting=waiting,
            overflow=overflow,
        )

    def _options(self, *, is_overflow: bool) -> PollerOptions:
        config = self._config
        return PollerOptions(
            # Of the room that it reserves, a bridge has one reservation for each queue.
            bridge=f"{self._bridge}{'/overflow' * is_overflow}",
            max_in_flight=config.max_in_flight,
            # The reservation must outlast the receive and the dispatch that follows it.
            reserve_seconds=config.wait_seconds + _RESERVE_SECONDS,
            delete_failed_messages=config.delete_failed_messages,
            confirm_subscriptions=config.confirm_subscriptions,
            send_event_keep_seconds=config.send_event_keep_seconds,
            wait_seconds=config.wait_seconds,
        )

    def _by_lane(
        self,
        target: Queue | None,
        waiting: Waiting | None,
        changes: QueueChanges,
        totals: Totals,
        *,
        is_overflow: bool,
    ) -> ByLane | None:
        if waiting is None:
            return None
        lanes, config = Lanes(self._redis), self._config
        names = LaneNames.under(
            config.ledger_secrets, config.mask_domains or (), config.replies_address or ""
        )
        notes = StoryNotes(self._redis, self._story)
        overflow = Overflow(target, lanes, waiting, changes, totals=totals, notes=notes)
        # What is back from the overflow has time: it waits for the workers.
        rush = Rush() if is_overflow else Rush(MOST_CALLS)
        return ByLane(lanes, names, overflow, config.max_in_flight, is_overflow, rush)


def wait_until_ready(
    config: BridgeConfig, components: Components, stopping: threading.Event
) -> bool:
    """Wait for Redis and SQS; returns False if the order to stop came first. Without the overflow
    queue the bridge can do, unless its setting is wrong.

    Raises `QueueUnusable` or `RedisUnusable` for what waiting does not fix. Another thread
    waits: asking for credentials can take ten seconds, and an order to stop must not wait so long.
    """
    redis = connect(config.redis_url)
    ready: Future[None] = Future()

    def wait() -> None:
        try:
            _wait_for("redis", lambda: check_redis(redis), stopping)
            _wait_for("redis", lambda: compare_clocks(redis), stopping)
            _wait_for("sqs", components.queue.count, stopping)
            if components.overflow is not None:
                with suppress(QueueUnavailable):
                    components.overflow.queue.count()
        except Exception as error:  # noqa: BLE001 - the main thread raises it
            ready.set_exception(error)
        else:
            ready.set_result(None)

    threading.Thread(target=wait, name="waiting", daemon=True).start()
    while not (ready.done() or stopping.wait(_READY_CHECK_SECONDS)):
        pass
    if stopping.is_set():
        return False
    ready.result()
    return True


def _wait_for(name: str, check: Callable[[], object], stopping: threading.Event) -> None:
    backoff = Backoff()
    while not stopping.is_set():
        try:
            check()
            return
        except (RedisError, QueueUnavailable) as error:
            seconds = backoff.next_seconds(REMOTE_SECONDS)
            logger.warning(
                "waiting",
                extra={
                    "waiting_for": name,
                    **fields_of(error),
                    "client_error_code": getattr(error, "code", None),
                    "wait_s": round(seconds, 1),
                },
            )
            stopping.wait(seconds)


def _make_authenticate(config: BridgeConfig) -> Authenticate:
    certificates = certificates_of(config.certificate_folder)
    topics, versions = frozenset(config.topics), frozenset(config.signature_versions)

    def authenticate(body: str) -> Envelope:
        return signature.authenticate(
            body,
            topics=topics,
            versions=versions,
            certificate_at=certificates.get,
            now=datetime.now(UTC),
        )

    return authenticate
