"""The workers' broker, and the order of its middleware."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import dramatiq
from django_dramatiq.middleware import DbConnectionsMiddleware
from dramatiq.middleware import TimeLimit
from periodiq import PeriodiqMiddleware

from bridge.ledger.acknowledgements import Acknowledgements
from bridge.ledger.attempts import DeliveryAttempts
from bridge.ledger.dead_letter_limit import MAX_BYTES, MAX_NUMBER, DeadLetterLimit
from bridge.ledger.dead_letters import DEAD_LETTER_TTL_MS
from bridge.ledger.heartbeats import Heartbeats
from bridge.ledger.in_flight import InFlight
from bridge.ledger.keys import NAMESPACE
from relay.config import RelayConfig
from relay.worker.consumer import RecoveringBroker
from relay.worker.life_locks import folder_for
from relay.worker.metrics import Metrics
from relay.worker.middleware.acknowledge import Acknowledge
from relay.worker.middleware.dead_letter_note import DeadLetterNote
from relay.worker.middleware.delivery_limit import DeliveryLimit
from relay.worker.middleware.group_signals import GroupSignals
from relay.worker.middleware.heartbeat import SendHeartbeats
from relay.worker.middleware.presence import WorkerPresence
from relay.worker.middleware.put_back import PutBack
from relay.worker.middleware.queue_entries import QueueEntries
from relay.worker.middleware.report import Report
from relay.worker.middleware.undertaker import Undertaker
from relay.worker.middleware.watchdog import Watchdog
from runtime.breakers import Breakers, breakers_of
from runtime.redis_client import connect

if TYPE_CHECKING:
    from redis import Redis

_HEARTBEAT_TIMEOUT_MS = 15_000
_MAINTENANCE_CHANCE = 1_000_000
"""How many of a million commands look for the messages of dead workers: all. With Dramatiq's
default of 1,000, a killed worker's messages came back after one minute to half an hour."""

_MIN_BACKOFF_MS = 2_000
_MAX_BACKOFF_MS = 600_000


def middleware(config: RelayConfig) -> list[dramatiq.Middleware]:
    """List the middleware. `before_` hooks run from first to last, `after_` hooks in reverse.

    So when an actor has ended, the time limits stop first, before they can interrupt anything else.
    Then `PutBack` decides whether to try again; `DeadLetterNote` and `Acknowledge` see its
    decision, note it and tell the bridge; the database connection is checked; the failure is
    reported. django-dramatiq's admin middleware is left out: it would store messages, and so mail,
    in the database.
    """
    redis = connect(config.redis_url)
    lifetime_seconds = config.max_lifetime_seconds
    return [
        Report(),
        GroupSignals(),
        Metrics(config),
        SendHeartbeats(Heartbeats(redis)),
        WorkerPresence(redis),
        Undertaker(redis, folder_for(config.redis_url)),
        PeriodiqMiddleware(skip_delay=30),
        DbConnectionsMiddleware(),
        Acknowledge(Acknowledgements(redis, lifetime_seconds)),
        QueueEntries(InFlight(redis, lifetime_seconds)),
        DeadLetterNote(redis),
        DeliveryLimit(DeliveryAttempts(redis), config.max_deliveries),
        PutBack(
            breakers_of(config.redis_url),
            lifetime_seconds,
            max_retries=config.max_retries,
            min_backoff=_MIN_BACKOFF_MS,
            max_backoff=_MAX_BACKOFF_MS,
        ),
        Watchdog(config.max_seconds_per_message),
        TimeLimit(time_limit=config.max_seconds_per_message * 1000, interval=500),
    ]


def make_broker(
    redis_url: str,
    middleware: Iterable[dramatiq.Middleware] = (),
    *,
    max_dead_letters: int = MAX_NUMBER,
    max_dead_letter_bytes: int = MAX_BYTES,
) -> RecoveringBroker:
    """Make the broker. Without actors it can still enqueue messages, by the actors' names."""
    client = connect(redis_url)
    limit = DeadLetterLimit(client, max_dead_letters, max_dead_letter_bytes)
    return broker_on(client, middleware, breakers_of(redis_url), limit)


def broker_on(
    client: "Redis",
    middleware: Iterable[dramatiq.Middleware] = (),
    breakers: Breakers | None = None,
    dead_letter_limit: DeadLetterLimit | None = None,
) -> RecoveringBroker:
    """Make the broker on a connection that is there already."""
    return RecoveringBroker(
        breakers=breakers,
        dead_letter_limit=dead_letter_limit,
        client=client,
        middleware=list(middleware),
        namespace=NAMESPACE,
        heartbeat_timeout=_HEARTBEAT_TIMEOUT_MS,
        maintenance_chance=_MAINTENANCE_CHANCE,
        dead_message_ttl=DEAD_LETTER_TTL_MS,
    )


def broker_settings(config: RelayConfig) -> dict[str, Any]:
    """Make django-dramatiq's DRAMATIQ_BROKER."""
    return {
        "BROKER": "relay.worker.broker.make_broker",
        "OPTIONS": {
            "redis_url": config.redis_url,
            "max_dead_letters": config.max_dead_letters,
            "max_dead_letter_bytes": config.max_dead_letter_bytes,
        },
        "MIDDLEWARE": middleware(config),
    }
