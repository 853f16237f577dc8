"""The settings that all processes share."""

from collections.abc import Iterator
from dataclasses import dataclass

from sentry_sdk.utils import Dsn

from runtime.env import Problem, setting
from runtime.partitions import REGION, region_of_queue
from runtime.setting_kinds import (
    Kind,
    boolean,
    choice,
    comma_separated,
    integer,
    matching,
    optional,
    rounded_up,
    text,
    url,
)

HOUR_SECONDS = 3600


def _collector(example: str) -> Kind[str]:
    return url("http", "https", allowed=f"a URL such as {example}")


@dataclass(frozen=True, kw_only=True)
class SharedConfig:
    """What the bridge, the workers and the scheduler must agree on."""

    redis_url: str = setting(
        "REDIS_URL",
        url(
            "redis",
            "rediss",
            allowed="a URL such as redis://127.0.0.1:6379/0; a password in it is percent-encoded",
            is_secret=True,
        ),
        help="The Redis between the bridge and the workers. It must run with "
        "maxmemory-policy noeviction.",
        default="redis://127.0.0.1:6379/0",
    )
    region: str = setting(
        "AWS_REGION",
        matching(REGION, "an AWS region, such as us-east-1"),
        help="The AWS region of the queue, the topic, the bucket and SES.",
    )
    max_seconds_per_message: int = setting(
        "PROCESS_EMAIL_MAX_SECONDS_PER_MESSAGE",
        rounded_up(1, HOUR_SECONDS, "seconds"),
        help="How long one attempt at a message may run before it is interrupted. If the "
        "code can't be interrupted, its process is killed at most five seconds later.",
        default="120",
    )
    max_lifetime_seconds: int = setting(
        "PROCESS_EMAIL_MAX_LIFETIME_SECONDS",
        integer(10, 11 * HOUR_SECONDS, "seconds"),
        help="How long a message may be in flight, with all its retries, before the relay "
        "lets SQS deliver it again. SQS hides a message for at most twelve hours.",
        default="7200",
    )
    trace_events: int = setting(
        "TRACE_EVENTS",
        integer(0, 10_000_000),
        help="How many events Redis keeps for `manage.py trace`: three to five a mail, 250 bytes "
        "each. 0: none.",
        default="100000",
    )
    log_format: str = setting(
        "LOG_FORMAT",
        choice("json", "text"),
        help="json: one JSON object per line; text: lines for people.",
        default="json",
    )
    sentry_dsn: str | None = setting(
        "SENTRY_DSN",
        optional(
            url(
                "http",
                "https",
                allowed="a Sentry DSN, such as https://key@sentry.example/1",
                is_secret=True,
                read=Dsn,
            )
        ),
        help="Where failures are reported; empty: nowhere.",
        default="",
    )
    sentry_environment: str = setting(
        "SENTRY_ENVIRONMENT",
        text("a word, such as production"),
        help="The environment, in Sentry's events and on the operators' pages.",
        default="production",
    )
    otlp_endpoint: str | None = setting(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        optional(_collector("http://collector:4318")),
        help="The OpenTelemetry collector that gets traces, by OTLP over HTTP (docs/tracing.md); "
        "/v1/traces is added. Empty: tracing is off. Other OTEL_ variables are the SDK's.",
        default="",
    )
    otlp_traces_endpoint: str | None = setting(
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        optional(_collector("http://collector:4318/v1/traces")),
        help="The same as a whole URL, to which nothing is added; goes before the other.",
        default="",
    )
    otel_disabled: bool = setting(
        "OTEL_SDK_DISABLED",
        boolean(),
        help="`true` turns tracing off, whatever the endpoints say.",
        default="false",
    )
    metrics_backend: str = setting(
        "METRICS_BACKEND",
        choice("statsd", "prometheus", "logging", "none"),
        help="Where metrics go: to statsd, to Prometheus (the bridge and the workers serve "
        "them), or to the log.",
        default="statsd",
    )
    prometheus_host: str = setting(
        "PROMETHEUS_HOST",
        text("an address of this machine"),
        help="The address that serves metrics to Prometheus. In a container: 0.0.0.0.",
        default="127.0.0.1",
    )
    prometheus_port: int = setting(
        "PROMETHEUS_PORT",
        integer(1, 65535),
        help="The port that serves metrics to Prometheus. The bridge and the workers need "
        "different ports if they share an address.",
        default="9464",
    )
    statsd_host: str | None = setting(
        "STATSD_HOST",
        optional(text("a host name")),
        help="The statsd server (Datadog dialect); empty: no metrics are sent. "
        "`DJANGO_STATSD_HOST`, Firefox Relay's name for it, is understood, too.",
        default="",
        also="DJANGO_STATSD_HOST",
    )
    statsd_port: int = setting(
        "STATSD_PORT",
        integer(1, 65535),
        help="The port of statsd. `DJANGO_STATSD_PORT` is understood, too.",
        default="8125",
        also="DJANGO_STATSD_PORT",
    )
    statsd_prefix: str = setting(
        "STATSD_PREFIX",
        text("a word, such as mail_relay"),
        help="The prefix of all metric names. `DJANGO_STATSD_PREFIX` is understood, too.",
        default="mail_relay",
        also="DJANGO_STATSD_PREFIX",
    )
    statsd_enabled: bool = setting(
        "STATSD_ENABLED",
        boolean(),
        help="Firefox Relay's switch: `false` sends nothing to statsd, whatever STATSD_HOST says.",
        default="true",
    )
    metrics_names: str = setting(
        "METRICS_NAMES",
        choice("own", "relay"),
        help="own: the names of docs/metrics.md. relay: beside them, what Firefox Relay calls the "
        "same events in its mail path (docs/migration.md).",
        default="own",
    )
    relay_metrics_prefix: str = setting(
        "RELAY_METRICS_PREFIX",
        text("a word, such as fx_private_relay"),
        help="The prefix of those other names: what stands before them in your charts.",
        default="fx_private_relay",
    )


@dataclass(frozen=True, kw_only=True)
class LedgerConfig:
    """What the bridges, the workers and who looks at dead letters must agree on."""

    ledger_secrets: tuple[str, ...] = setting(
        "LEDGER_SECRETS",
        comma_separated(
            matching(r"\S{32,}", "a random text of at least 32 characters", is_secret=True)
        ),
        help="What bridges and workers leave for each other in Redis is encrypted and signed under "
        "this: who can write to Redis can't forge it. To change it, put the new one first and keep "
        "the old one until all processes have restarted and the dead letters are settled.",
    )


def queue_name(queue_url: str | None) -> str:
    """Return a queue's name, the last part of its URL; empty if there is no queue."""
    return (queue_url or "").rstrip("/").rpartition("/")[2]


def queue_problems(region: str, **queue_urls: str | None) -> Iterator[Problem]:
    """Yield a problem for each of these queues, by its setting's name, that isn't in the region, or
    that is another one's as well.
    """
    known: dict[str, str] = {}
    for name, url_of_queue in queue_urls.items():
        if url_of_queue and (other := known.setdefault(url_of_queue.rstrip("/"), name)) != name:
            yield Problem(name, url_of_queue, f"another queue than {other}")
        found = region_of_queue(url_of_queue or "")
        if url_of_queue and found and found != region:
            yield Problem(name, url_of_queue, f"a queue in AWS_REGION ({region}), not in {found}")
