"""The workers' broker, and the order of its middleware."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import dramatiq
from django_dramatiq.middleware import DbConnectionsMiddleware
from dramatiq.middleware import CurrentMessage, TimeLimit
from periodiq import PeriodiqMiddleware

from bridge.ledger.acknowledgements import Acknowledgements
from bridge.ledger.attempts import DeliveryAttempts
from bridge.ledger.dead_letter_limit import MAX_BYTES, MAX_NUMBER, DeadLetterLimit
from bridge.ledger.dead_letters import DEAD_LETTER_TTL_MS
from bridge.ledger.heartbeats import Heartbeats
from bridge.ledger.in_flight import InFlight
from bridge.ledger.lanes import Lanes
from bridge.ledger.story import Story
from relay.config import RelayConfig
from relay.worker.consumer import RecoveringBroker
from relay.worker.life_locks import folder_for
from relay.worker.metrics import Metrics
from relay.worker.middleware.acknowledge import Acknowledge
from relay.worker.middleware.attempt_spans import AttemptSpans
from relay.worker.middleware.dead_letter_note import DeadLetterNote
from relay.worker.middleware.delivery_limit import DeliveryLimit
from relay.worker.middleware.fair_threads import FairThreads
from relay.worker.middleware.group_signals import GroupSignals
from relay.worker.middleware.heartbeat import SendHeartbeats
from relay.worker.middleware.message_ids import MessageIds
from relay.worker.middleware.presence import WorkerPresence
from relay.worker.middleware.put_back import PutBack
from relay.worker.middleware.queue_entries import QueueEntries
from relay.worker.middleware.report import Report
from relay.worker.middleware.start import Start
from relay.worker.middleware.undertaker import Undertaker
from relay.worker.middleware.watchdog import Watchdog
from runtime.breakers import Breakers, breakers_of
from runtime.controls.watch import ControlWatch, controls_of
from runtime.redis_client import connect, connect_fail_fast
from runtime.seals import Seals

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
    redis, seals = connect(config.redis_url), Seals(config.ledger_secrets)
    lifetime_seconds, lanes = config.max_lifetime_seconds, Lanes(redis)
    story = Story(config.trace_events)
    return [
        MessageIds(),
        AttemptSpans(config),
        Report(),
        CurrentMessage(),
        GroupSignals(),
        Metrics(config),
        Start(connect_fail_fast(config.redis_url), config),
        SendHeartbeats(Heartbeats(redis)),
        WorkerPresence(redis),
        FairThreads(lanes.is_still_first),
        Undertaker(
            redis,
            folder_for(config.redis_url),
            story=story,
            attempt_seconds=config.max_seconds_per_message,
        ),
        PeriodiqMiddleware(skip_delay=30),
        DbConnectionsMiddleware(),
        Acknowledge(Acknowledgements(redis, lifetime_seconds, seals, story)),
        QueueEntries(InFlight(redis, lifetime_seconds)),
        DeadLetterNote(redis),
        DeliveryLimit(DeliveryAttempts(redis, story), config.max_deliveries),
        PutBack(
            breakers_of(config.redis_url),
            lifetime_seconds,
            max_retries=config.max_retries,
            min_backoff=_MIN_BACKOFF_MS,
            max_backoff=_MAX_BACKOFF_MS,
            charge_large=lanes.charge_large,
        ),
        Watchdog(config.max_seconds_per_message),
        TimeLimit(time_limit=config.max_seconds_per_message * 1000, interval=500),
    ]


def make_broker(
    redis_url: str,
    middleware: Iterable[dramatiq.Middleware] = (),
    *,
    ledger_secrets: tuple[str, ...] = (),
    max_dead_letters: int = MAX_NUMBER,
    max_dead_letter_bytes: int = MAX_BYTES,
) -> RecoveringBroker:
    """Make the broker. Without actors it can still enqueue messages, by the actors' names."""
    client = connect(redis_url)
    limit = DeadLetterLimit(client, max_dead_letters, max_dead_letter_bytes)
    controls = controls_of(redis_url, ledger_secrets)
    return broker_on(client, middleware, breakers_of(redis_url), limit, controls)


def broker_on(
    client: "Redis",
    middleware: Iterable[dramatiq.Middleware] = (),
    breakers: Breakers | None = None,
    dead_letter_limit: DeadLetterLimit | None = None,
    controls: ControlWatch | None = None,
) -> RecoveringBroker:
    """Make the broker on a connection that is there already."""
    return RecoveringBroker(
        breakers=breakers,
        controls=controls,
        dead_letter_limit=dead_letter_limit,
        client=client,
        middleware=list(middleware),
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
            "ledger_secrets": config.ledger_secrets,
            "max_dead_letters": config.max_dead_letters,
            "max_dead_letter_bytes": config.max_dead_letter_bytes,
        },
        "MIDDLEWARE": middleware(config),
    }
