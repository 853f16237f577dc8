"""The settings that all processes share."""

from dataclasses import dataclass

from sentry_sdk.utils import Dsn

from runtime.env import choice, integer, matching, optional, setting, text, url

HOUR_SECONDS = 3600


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
        matching(r"[a-z]+(-[a-z0-9]+)+", "an AWS region, such as us-east-1"),
        help="The AWS region of the queue, the topic, the bucket and SES.",
    )
    max_seconds_per_message: int = setting(
        "PROCESS_EMAIL_MAX_SECONDS_PER_MESSAGE",
        integer(1, HOUR_SECONDS, "seconds"),
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
        help="The environment in Sentry's events.",
        default="production",
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
        help="The address that serves metrics to Prometheus.",
        default="0.0.0.0",  # noqa: S104 - they are served to another host, if at all
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
        help="The statsd server (Datadog dialect); empty: no metrics are sent.",
        default="",
    )
    statsd_port: int = setting(
        "STATSD_PORT", integer(1, 65535), help="The port of statsd.", default="8125"
    )
    statsd_prefix: str = setting(
        "STATSD_PREFIX",
        text("a word, such as mail_relay"),
        help="The prefix of all metric names.",
        default="mail_relay",
    )
