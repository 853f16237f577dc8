"""Builds the bridge from its settings, and waits until Redis and SQS are available."""

import logging
import socket
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime

from redis.exceptions import RedisError

from bridge.breakers import OwnBreakers
from bridge.config import BridgeConfig
from bridge.deleter import Deleter
from bridge.gate import Gate
from bridge.judge import Authenticate
from bridge.ledger.acknowledgements import Acknowledgements
from bridge.ledger.adoption import Adoption
from bridge.ledger.confirmations import Confirmations
from bridge.ledger.dispatch import Dispatcher
from bridge.ledger.heartbeats import Heartbeats
from bridge.ledger.in_flight import InFlight
from bridge.ledger.reservations import Reservations
from bridge.ledger.room import Room
from bridge.loops import REMOTE_SECONDS, Backoff
from bridge.parking import Parking
from bridge.poller import Poller, PollerOptions
from bridge.ports import Queue, QueueUnavailable
from bridge.reporter import Reporter
from bridge.service import Components
from bridge.sns import signature
from bridge.sns.certificates import Certificates, FetchedCertificates, PinnedCertificates
from bridge.sns.envelope import Envelope
from bridge.sqs import SqsQueue
from bridge.totals import Totals
from bridge.visibility import Leases, Visibility
from runtime.breakers import WORKERS, Breakers
from runtime.redis_client import check_redis, connect, connect_fail_fast

logger = logging.getLogger(__name__)

_RESERVE_SECONDS = 30
_READY_CHECK_SECONDS = 0.05


def build_components(
    config: BridgeConfig, stopping: threading.Event, *, is_replay: bool
) -> Components:
    """Build the parts without connecting. Raises `QueueUnusable` if the AWS profile is missing."""
    queue = SqsQueue(
        config.queue_url, config.region, config.wait_seconds, config.visibility_seconds
    )
    redis = connect(config.redis_url)
    in_flight = InFlight(redis, config.max_lifetime_seconds)
    acknowledgements = Acknowledgements(redis, config.max_lifetime_seconds)
    leases, totals = Leases(), Totals()
    # Not the host's name alone: a restarted bridge must not count as the owner of the old leases.
    bridge = f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}"
    fail_fast = connect_fail_fast(config.redis_url)
    breakers = OwnBreakers(fail_fast, bridge)
    parking = Parking(
        queue, visibility_seconds=config.visibility_seconds, places=config.max_in_flight
    )
    return Components(
        queue=queue,
        in_flight=in_flight,
        acknowledgements=acknowledgements,
        leases=leases,
        gate=Gate(Breakers(fail_fast, WORKERS), breakers, parking),
        parking=parking,
        breakers=breakers,
        poller=Poller(
            queue=queue,
            reservations=Reservations(redis, config.max_lifetime_seconds, queue=queue.queue_name),
            has_room=Room(redis).is_left,
            leases=leases,
            acknowledgements=acknowledgements,
            dispatcher=Dispatcher(
                redis,
                config.max_lifetime_seconds,
                bridge=bridge,
                queue=queue.queue_name,
                is_replay=is_replay,
            ),
            confirmations=Confirmations(redis),
            authenticate=_make_authenticate(config),
            parking=parking,
            breakers=breakers,
            totals=totals,
            options=PollerOptions(
                bridge=bridge,
                max_in_flight=config.max_in_flight,
                # The reservation must outlast the receive and the dispatch that follows it.
                reserve_seconds=config.wait_seconds + _RESERVE_SECONDS,
                delete_failed_messages=config.delete_failed_messages,
                confirm_subscriptions=config.confirm_subscriptions,
                send_event_keep_seconds=config.send_event_keep_seconds,
            ),
            stopping=stopping,
        ),
        deleter=Deleter(
            queue,
            acknowledgements,
            totals,
            delete_failed_messages=config.delete_failed_messages,
            # In SQS's dead-letter queue they would be hidden from the next replay or redrive.
            hide_failed_messages=not is_replay,
        ),
        visibility=Visibility(
            queue,
            in_flight,
            leases,
            acknowledgements=acknowledgements,
            adoption=Adoption(redis, bridge=bridge, queue=queue.queue_name),
            bridge=bridge,
            heartbeat_seconds=config.heartbeat_seconds,
            visibility_seconds=config.visibility_seconds,
        ),
        reporter=Reporter(config, queue, Heartbeats(redis), totals),
    )


def wait_until_ready(config: BridgeConfig, queue: Queue, stopping: threading.Event) -> bool:
    """Wait for Redis and SQS; returns False if the order to stop came first.

    Raises `QueueUnusable` or `RedisUnusable` for what waiting does not fix. Another thread
    waits: asking for credentials can take ten seconds, and an order to stop must not wait so long.
    """
    redis = connect(config.redis_url)
    ready: Future[None] = Future()

    def wait() -> None:
        try:
            _wait_for("redis", lambda: check_redis(redis), stopping)
            _wait_for("sqs", queue.count, stopping)
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
                    "error_type": type(error).__name__,
                    "client_error_code": getattr(error, "code", None),
                    "wait_s": round(seconds, 1),
                },
            )
            stopping.wait(seconds)


def _make_authenticate(config: BridgeConfig) -> Authenticate:
    certificates: Certificates = (
        PinnedCertificates(config.certificate_folder)
        if config.certificate_folder
        else FetchedCertificates()
    )
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
