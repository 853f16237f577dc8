"""The settings that the processes share, and those of the Django processes. No Django here."""

from collections.abc import Iterator
from dataclasses import dataclass

from sentry_sdk.utils import Dsn

from emails.config import EmailsConfig
from relay.env import (
    Problem,
    boolean,
    choice,
    comma_separated,
    integer,
    matching,
    optional,
    setting,
    text,
    url,
)

_NAME = r"[^\s@:/<>,]+\.[^\s@:/<>,.]+"
# With a wrong domain all mail would be somebody else's, and be dropped.
_DOMAIN = matching(_NAME, "a domain, such as masks.example")
_ADDRESS = matching(rf"[^\s@<>]+@{_NAME}", "a mail address, such as replies@masks.example")

HOUR_SECONDS = 3600


def _read_database_url(text: str) -> object:
    # Not above: the bridge reads this module, and does without Django and what belongs to it.
    from environ import Env

    return Env.db_url_config(text)


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
        help="The Redis that fans the work out. It must run with maxmemory-policy noeviction.",
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
        help="How long one attempt at a message may run before it is interrupted. Code that can't "
        "be interrupted is ended, with its process, at most five seconds later.",
        default="120",
    )
    max_lifetime_seconds: int = setting(
        "PROCESS_EMAIL_MAX_LIFETIME_SECONDS",
        integer(10, 11 * HOUR_SECONDS, "seconds"),
        help="How long a message may be in flight, all its retries included, before it is let go "
        "and SQS delivers it again. SQS hides a message for at most twelve hours.",
        default="7200",
    )
    log_format: str = setting(
        "LOG_FORMAT",
        choice("json", "text"),
        help="One JSON object a line, or a line for people.",
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
        help="The environment that Sentry's events are filed under.",
        default="production",
    )
    metrics_backend: str = setting(
        "METRICS_BACKEND",
        choice("statsd", "prometheus", "logging", "none"),
        help="Who gets the metrics: statsd; Prometheus, to which the bridge and the workers then "
        "serve them; or the log.",
        default="statsd",
    )
    prometheus_host: str = setting(
        "PROMETHEUS_HOST",
        text("an address of this machine"),
        help="The address at which metrics are served to Prometheus.",
        default="0.0.0.0",  # noqa: S104 - they are served to another host, if at all
    )
    prometheus_port: int = setting(
        "PROMETHEUS_PORT",
        integer(1, 65535),
        help="The port at which metrics are served to Prometheus: one for the bridge, and another "
        "one for the workers where they share an address.",
        default="9464",
    )
    statsd_host: str | None = setting(
        "STATSD_HOST",
        optional(text("a host name")),
        help="The statsd (Datadog dialect) that takes the metrics; empty: no metrics are sent.",
        default="",
    )
    statsd_port: int = setting(
        "STATSD_PORT", integer(1, 65535), help="The port of statsd.", default="8125"
    )
    statsd_prefix: str = setting(
        "STATSD_PREFIX",
        text("a word, such as mail_relay"),
        help="What the names of all metrics begin with.",
        default="mail_relay",
    )


@dataclass(frozen=True, kw_only=True)
class RelayConfig(SharedConfig, EmailsConfig):
    """What the workers, the scheduler, the web process and `manage.py` need."""

    secret_key: str = setting(
        "SECRET_KEY",
        text("a long random text", is_secret=True),
        help="Django's secret key. Reply records are encrypted with keys derived from another one.",
    )
    debug: bool = setting(
        "DEBUG", boolean(), help="Django's debug mode; never in production.", default="false"
    )
    allowed_hosts: tuple[str, ...] = setting(
        "ALLOWED_HOSTS",
        comma_separated(text("a host name")),
        help="The host names that the web process answers to.",
        default="localhost,127.0.0.1",
    )
    database_url: str = setting(
        "DATABASE_URL",
        url(
            "postgres",
            "postgresql",
            allowed="a URL such as postgresql://user@127.0.0.1:5432/relay; a password in it is "
            "percent-encoded",
            is_secret=True,
            read=_read_database_url,
        ),
        help="The PostgreSQL database of masks, owners and deliveries.",
    )
    static_root: str | None = setting(
        "STATIC_ROOT",
        optional(text("the path of a folder")),
        help="Where `manage.py collectstatic` puts the static files and the web process finds "
        "them; empty: `build/static` in the checkout, or in the working directory where the relay "
        "is installed from a wheel.",
        default="",
    )
    site_origin: str = setting(
        "SITE_ORIGIN",
        url("http", "https", allowed="the scheme and host of the site, https://relay.example"),
        help="Where the links in mails and notices lead.",
    )
    mask_domains: tuple[str, ...] = setting(
        "MASK_DOMAINS",
        comma_separated(_DOMAIN),
        help="The domains of masks. New masks are made on the first; owners' own names live under "
        "each.",
    )
    replies_address: str = setting(
        "REPLIES_ADDRESS",
        _ADDRESS,
        help="The address that owners reply to; Reply-To of every forwarded mail.",
    )
    from_address: str = setting(
        "RELAY_FROM_ADDRESS", _ADDRESS, help="The sender of the notices to owners."
    )
    bucket: str = setting(
        "AWS_S3_EMAIL_BUCKET",
        text("the name of an S3 bucket"),
        help="The bucket that SES stores mails in; the only one a notification may name.",
    )
    configuration_set: str | None = setting(
        "AWS_SES_CONFIGSET",
        optional(text("the name of an SES configuration set")),
        help="The SES configuration set that mails are sent with; empty: none.",
        default="",
    )
    queue_url: str | None = setting(
        "AWS_SQS_EMAIL_QUEUE_URL",
        optional(url("http", "https", allowed="the URL of an SQS queue")),
        help="The queue of notifications; here for its gauges. Empty: no gauges of it.",
        default="",
    )
    dead_letter_queue_url: str | None = setting(
        "AWS_SQS_EMAIL_DLQ_URL",
        optional(url("http", "https", allowed="the URL of an SQS queue")),
        help="The dead-letter queue of that queue, for its gauges, `manage.py redrive` and "
        "`python -m bridge --queue dlq`. Empty: none of these.",
        default="",
    )
    max_deliveries: int = setting(
        "PROCESS_EMAIL_MAX_DELIVERIES",
        integer(1, 100),
        help="How often a message may be given to a worker that dies of it; then it is "
        "dead-lettered without running.",
        default="3",
    )
    max_retries: int = setting(
        "PROCESS_EMAIL_MAX_RETRIES",
        integer(0, 100),
        help="How often a message that failed for a passing reason is tried again, with backoff.",
        default="8",
    )
    version: str | None = setting(
        "VERSION",
        optional(text("a version, such as 1.4.2")),
        help="What `/__version__` tells where there is no `version.json`; empty: the version of "
        "the installed package.",
        default="",
    )
    version_source: str | None = setting(
        "VERSION_SOURCE",
        optional(text("the URL of the source")),
        help="Where the source is; for `/__version__`, like the version.",
        default="",
    )
    version_commit: str | None = setting(
        "VERSION_COMMIT",
        optional(text("a commit's id")),
        help="The commit that was built; for `/__version__`, like the version.",
        default="",
    )
    version_build: str | None = setting(
        "VERSION_BUILD",
        optional(text("the URL of the build")),
        help="The build's page; for `/__version__`, like the version.",
        default="",
    )

    def problems(self) -> Iterator[Problem]:
        """Check the values against each other."""
        if self.max_lifetime_seconds < 2 * self.max_seconds_per_message:
            yield Problem(
                "PROCESS_EMAIL_MAX_LIFETIME_SECONDS",
                str(self.max_lifetime_seconds),
                "at least twice PROCESS_EMAIL_MAX_SECONDS_PER_MESSAGE "
                f"({self.max_seconds_per_message})",
            )
