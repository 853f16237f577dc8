"""The settings of the Django processes: workers, scheduler, web, `manage.py`. No Django here."""

from collections.abc import Iterator
from dataclasses import dataclass

from environ import Env

from bridge.config import OriginConfig
from bridge.ledger.dead_letter_limit import MAX_BYTES, MAX_NUMBER
from emails.config import DomainConfig
from runtime.config import queue_problems
from runtime.env import Problem, setting
from runtime.setting_kinds import boolean, comma_separated, integer, matching, optional, text, url


def _read_database_url(text: str) -> object:
    """Read it as Django will. Raises `ValueError`, also if it names no database."""
    read = Env.db_url_config(text)
    if not read["NAME"]:
        raise ValueError
    return read


@dataclass(frozen=True, kw_only=True)
class RelayConfig(OriginConfig, DomainConfig):
    """What the workers, the scheduler, the web process and `manage.py` need."""

    secret_key: str = setting(
        "SECRET_KEY",
        matching(r"(?s).{16,}", "a random text of at least 16 characters", is_secret=True),
        help="Django's secret key. Reply records are encrypted with keys derived from another one.",
    )
    secret_key_fallbacks: tuple[str, ...] | None = setting(
        "SECRET_KEY_FALLBACKS",
        optional(comma_separated(text("a long random text", is_secret=True))),
        help="Earlier secret keys: what they signed, such as the links in digests of held mails, "
        "stays valid. Empty after a key was stolen.",
        default="",
    )
    debug: bool = setting(
        "DEBUG", boolean(), help="Django's debug mode; never in production.", default="false"
    )
    allowed_hosts: tuple[str, ...] = setting(
        "ALLOWED_HOSTS",
        comma_separated(text("a host name")),
        help="The host names that the web process serves.",
        default="localhost,127.0.0.1",
    )
    admin_second_factor: bool = setting(
        "ADMIN_SECOND_FACTOR",
        boolean(),
        help="Whether the admin admits only users with a second factor: `manage.py second_factor` "
        "gives them one.",
        default="false",
    )
    database_url: str = setting(
        "DATABASE_URL",
        url(
            "postgres",
            "postgresql",
            allowed="a URL with a database's name, such as postgresql://user@127.0.0.1:5432/relay; "
            "a password in it is percent-encoded",
            is_secret=True,
            read=_read_database_url,
        ),
        help="The PostgreSQL database of masks, owners and deliveries.",
    )
    static_root: str | None = setting(
        "STATIC_ROOT",
        optional(text("the path of a folder")),
        help="Where `manage.py collectstatic` puts the static files and the web process "
        "finds them. Empty: `build/static` in the checkout, or in the working directory "
        "of a relay installed from a wheel.",
        default="",
    )
    queue_url: str | None = setting(
        "AWS_SQS_EMAIL_QUEUE_URL",
        optional(url("http", "https", allowed="the URL of an SQS queue")),
        help="The queue of notifications, for its gauges. Empty: it has no gauges.",
        default="",
    )
    overflow_queue_url: str | None = setting(
        "AWS_SQS_EMAIL_OVERFLOW_QUEUE_URL",
        optional(url("http", "https", allowed="the URL of an SQS queue")),
        help="The bridges' overflow queue, for its gauges. Empty: it has no gauges.",
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
        help="How many workers may die while they run a message. After that it is "
        "dead-lettered without running.",
        default="3",
    )
    max_retries: int = setting(
        "PROCESS_EMAIL_MAX_RETRIES",
        integer(0, 100),
        help="How often a message is retried, with backoff, after a temporary failure.",
        default="8",
    )
    max_dead_letters: int = setting(
        "PROCESS_EMAIL_MAX_DEAD_LETTERS",
        integer(100, 1_000_000),
        help="How many dead letters Redis keeps. Above it the oldest are dropped; SQS still has "
        "their messages, unless PROCESS_EMAIL_DELETE_FAILED_MESSAGES is on.",
        default=str(MAX_NUMBER),
    )
    max_dead_letter_bytes: int = setting(
        "PROCESS_EMAIL_MAX_DEAD_LETTER_BYTES",
        integer(1024 * 1024, 1024**4, "bytes"),
        help="How many bytes they may have together. Above it, or above a quarter of Redis's "
        "`maxmemory`, the oldest are dropped.",
        default=str(MAX_BYTES),
    )
    version: str | None = setting(
        "VERSION",
        optional(text("a version, such as 1.4.2")),
        help="The version that `/__version__` shows if there is no `version.json`; empty: "
        "that of the installed package.",
        default="",
    )
    version_source: str | None = setting(
        "VERSION_SOURCE",
        optional(text("the URL of the source")),
        help="The URL of the source, for `/__version__`, like the version.",
        default="",
    )
    version_commit: str | None = setting(
        "VERSION_COMMIT",
        optional(text("a commit's id")),
        help="The commit that was built, for `/__version__`, like the version.",
        default="",
    )
    version_build: str | None = setting(
        "VERSION_BUILD",
        optional(text("the URL of the build")),
        help="The URL of the build's page, for `/__version__`, like the version.",
        default="",
    )

    def problems(self) -> Iterator[Problem]:
        """Check the values against each other."""
        yield from super().problems()
        yield from queue_problems(
            self.region,
            AWS_SQS_EMAIL_QUEUE_URL=self.queue_url,
            AWS_SQS_EMAIL_OVERFLOW_QUEUE_URL=self.overflow_queue_url,
            AWS_SQS_EMAIL_DLQ_URL=self.dead_letter_queue_url,
        )
        yield from self.moving_problems(self.mask_domains)
        if self.max_lifetime_seconds < 2 * self.max_seconds_per_message:
            yield Problem(
                "PROCESS_EMAIL_MAX_LIFETIME_SECONDS",
                str(self.max_lifetime_seconds),
                "at least twice PROCESS_EMAIL_MAX_SECONDS_PER_MESSAGE "
                f"({self.max_seconds_per_message})",
            )
