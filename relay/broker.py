"""The workers' broker: which middleware stands where, and why there."""

from typing import Any

import dramatiq
from django_dramatiq.middleware import DbConnectionsMiddleware
from dramatiq.middleware import Retries, TimeLimit
from periodiq import PeriodiqMiddleware

from bridge.broker import connect
from bridge.heartbeats import Heartbeats
from bridge.inflight import InFlight
from bridge.middleware import (
    Acknowledge,
    Copies,
    DeadLetterNote,
    DeliveryLimit,
    GroupSignals,
    Heartbeat,
    Watchdog,
)
from relay.config import RelayConfig
from relay.sentry import Report
from relay.worker_metrics import Metrics

_MIN_BACKOFF_MS = 2_000
_MAX_BACKOFF_MS = 600_000


def middleware(config: RelayConfig) -> list[dramatiq.Middleware]:
    """List the middleware. `before_` hooks run from the first to the last, `after_` backwards.

    So, when an actor has ended: the clocks stop, before anything else can be interrupted by
    them; `Retries` decides whether to try again; `DeadLetterNote` and `Acknowledge` see its
    verdict, note it and tell the bridge; the database connection is checked; the failure is
    reported. No middleware here keeps messages in the database, as django-dramatiq's admin
    middleware would: they hold mail.
    """
    redis = connect(config.redis_url)
    in_flight = InFlight(redis, config.max_lifetime_seconds)
    return [
        Report(),
        GroupSignals(),
        Metrics(config),
        Heartbeat(Heartbeats(redis)),
        PeriodiqMiddleware(skip_delay=30),
        DbConnectionsMiddleware(),
        Acknowledge(in_flight),
        Copies(in_flight),
        DeadLetterNote(redis),
        DeliveryLimit(in_flight, config.max_deliveries),
        Retries(
            max_retries=config.max_retries,
            min_backoff=_MIN_BACKOFF_MS,
            max_backoff=_MAX_BACKOFF_MS,
        ),
        Watchdog(config.max_seconds_per_message),
        TimeLimit(time_limit=config.max_seconds_per_message * 1000, interval=500),
    ]


def broker_settings(config: RelayConfig) -> dict[str, Any]:
    """Make django-dramatiq's DRAMATIQ_BROKER."""
    return {
        "BROKER": "bridge.broker.make_broker",
        "OPTIONS": {"redis_url": config.redis_url},
        "MIDDLEWARE": middleware(config),
    }
