"""Puts the bridge together from its settings, and waits until what it depends on is there."""

import logging
import socket
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from redis.exceptions import RedisError

from bridge import sns
from bridge.acknowledgements import Deleter
from bridge.broker import check_redis, connect
from bridge.certificates import Certificates, FetchedCertificates, PinnedCertificates
from bridge.config import BridgeConfig
from bridge.handover import Handover
from bridge.heartbeats import Heartbeats
from bridge.inbox import Inbox, InboxUnavailable
from bridge.inflight import InFlight
from bridge.loops import Backoff
from bridge.poller import Authenticate, Poller, Rules
from bridge.reporter import Reporter
from bridge.service import Parts
from bridge.totals import Totals
from bridge.visibility import Held, Visibility

logger = logging.getLogger(__name__)

_RESERVE_SECONDS = 30


def build(config: BridgeConfig, stopping: threading.Event, *, is_second_chance: bool) -> Parts:
    """Make the parts. Nothing is connected yet; raises `InboxUnusable` without credentials."""
    inbox = Inbox(config.queue_url, config.region, config.wait_seconds, config.visibility_seconds)
    redis = connect(config.redis_url)
    in_flight = InFlight(redis, config.max_lifetime_seconds)
    held, totals = Held(), Totals()
    # Not the host's name alone: a bridge that was started again does not hold what it held before.
    bridge = f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}"
    return Parts(
        inbox=inbox,
        in_flight=in_flight,
        held=held,
        poller=Poller(
            inbox=inbox,
            in_flight=in_flight,
            held=held,
            handover=Handover(
                redis,
                config.max_lifetime_seconds,
                bridge=bridge,
                queue=inbox.queue_name,
                is_second_chance=is_second_chance,
            ),
            authenticate=_make_authenticate(config),
            totals=totals,
            rules=Rules(
                bridge=bridge,
                batch_size=config.batch_size,
                max_in_flight=config.max_in_flight,
                # A receive lasts as long as it may wait; what it brings is handed on after that.
                reserve_seconds=config.wait_seconds + _RESERVE_SECONDS,
                delete_failed_messages=config.delete_failed_messages,
                confirm_subscriptions=config.confirm_subscriptions,
            ),
            stopping=stopping,
        ),
        deleter=Deleter(
            inbox, in_flight, totals, delete_failed_messages=config.delete_failed_messages
        ),
        visibility=Visibility(
            inbox, in_flight, held, bridge=bridge, hide_seconds=config.visibility_seconds
        ),
        reporter=Reporter(config, inbox, Heartbeats(redis), totals),
    )


def wait_until_ready(config: BridgeConfig, inbox: Inbox, stopping: threading.Event) -> bool:
    """Wait for Redis and for SQS; False if the order to stop came first.

    What waiting does not mend passes through: `InboxUnusable`, `RedisUnusable`.
    """
    redis = connect(config.redis_url)
    _wait_for("redis", lambda: check_redis(redis), stopping)
    _wait_for("sqs", inbox.count, stopping)
    return not stopping.is_set()


def _wait_for(name: str, check: Callable[[], object], stopping: threading.Event) -> None:
    backoff = Backoff()
    while not stopping.is_set():
        try:
            check()
            return
        except (RedisError, InboxUnavailable) as error:
            seconds = backoff.next_seconds()
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

    def authenticate(body: str) -> sns.Envelope:
        return sns.authenticate(
            body,
            topics=topics,
            versions=versions,
            certificate_at=certificates.get,
            now=datetime.now(UTC),
        )

    return authenticate
