"""Sentry, set up alike in every process: one event per failure, with nothing of a mail in it."""

from typing import TYPE_CHECKING, Any

import sentry_sdk
from sentry_sdk.integrations import Integration
from sentry_sdk.integrations.logging import ignore_logger

from runtime import message_context
from runtime.config import SharedConfig
from runtime.logging import without_addresses
from runtime.repeats import Repeats

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

TO_BE_RETRIED = "to_be_retried"
"""The tag of an attempt's event that says whether the attempt will be retried: `yes` or `no`."""

_REDIS_SECONDS = 300.0
_REDIS_MODULES = ("redis.", "dramatiq.errors", "runtime.redis_client")

_KEPT_CONTEXTS = frozenset({"runtime", "os", "device", "trace"})
"""Not kept: Sentry's Dramatiq context, which holds the message with its arguments, the mail."""

_KEPT_FRAME_FIELDS = frozenset(
    {"abs_path", "filename", "function", "module", "lineno", "in_app", "context_line"}
    | {"pre_context", "post_context"}
)


def set_up_sentry(config: SharedConfig, *, django: bool) -> None:
    """Report failures to Sentry, if configured. Call it before the broker is made."""
    if config.sentry_dsn is None:
        return
    integrations: list[Integration] = []
    if django:
        # Imported late: both import Django, which the bridge doesn't need.
        from sentry_sdk.integrations.django import DjangoIntegration
        from sentry_sdk.integrations.dramatiq import DramatiqIntegration

        integrations = [DjangoIntegration(), DramatiqIntegration()]
    ignore_noise()
    sentry_sdk.init(
        dsn=config.sentry_dsn,
        environment=config.sentry_environment,
        integrations=integrations,
        auto_enabling_integrations=False,
        include_local_variables=False,
        send_default_pii=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        before_send=BoundedScrub(),
    )


def ignore_noise() -> None:
    """Make no events of what says nothing about us."""
    # The worker logs each failed attempt with the message's arguments; the event says it better.
    ignore_logger("dramatiq.worker.WorkerThread")
    # Anybody can cause it, as often as they like, and the text quotes what they sent.
    ignore_logger("django.security.DisallowedHost")


class BoundedScrub:
    """Scrubs events, and bounds those of a Redis that is away: one in five minutes of each process.

    Otherwise every thread would report it each second, Dramatiq's own included.
    """

    def __init__(self, seconds: float = _REDIS_SECONDS) -> None:
        self._repeats = Repeats(seconds)

    def __call__(self, event: "Event", hint: "Hint") -> "Event | None":
        """Return what leaves; None: nothing."""
        scrubbed = scrub(event, hint)
        if scrubbed is None or not _is_of_redis(scrubbed):
            return scrubbed
        left_out = self._repeats.admit("redis")
        if left_out is None:
            return None
        scrubbed["tags"] = {**dict(scrubbed.get("tags") or {}), "left_out": str(left_out)}
        return scrubbed


def _is_of_redis(event: Any) -> bool:
    """Return whether Redis failed, or one of Dramatiq's threads, which fail for nothing else."""
    if str(event.get("logger", "")).startswith("dramatiq."):
        return True
    values = event.get("exception", {}).get("values", [])
    return any(str(one.get("module", "")).startswith(_REDIS_MODULES) for one in values)


def scrub(event: "Event", hint: "Hint") -> "Event | None":
    """Drop events of attempts that will be retried; strip anything that may be mail from the
    others.

    The function lists what is kept, not what is removed, so a field that Sentry adds in a later
    version stays out until somebody has reviewed it.
    """
    if event.get("tags", {}).get(TO_BE_RETRIED) == "yes":
        return None
    # Where no page matched, Sentry names the raw path, which may hold a token, or anything.
    if event.get("transaction_info", {}).get("source") == "url":
        event.pop("transaction", None)
    kept: Any = {
        name: event[name]
        for name in (
            "event_id", "timestamp", "level", "platform", "logger", "environment", "release",
            "server_name", "sdk", "modules", "tags", "transaction", "type",
        )
        if name in event
    }  # fmt: skip
    # Sentry calls this in the thread that failed.
    if ids := message_context.current().as_fields():
        kept["tags"] = {**kept.get("tags", {}), **ids}
    contexts = event.get("contexts", {})
    kept["contexts"] = {name: contexts[name] for name in contexts.keys() & _KEPT_CONTEXTS}
    if "logentry" in event:
        kept["logentry"] = _scrubbed_log_entry(event["logentry"])
    if "exception" in event:
        values = event["exception"].get("values", [])
        kept["exception"] = {"values": [_scrubbed_exception(value) for value in values]}
    scrubbed: Event = kept
    return scrubbed


def _scrubbed_log_entry(entry: Any) -> dict[str, str]:
    """Keep the message template; its parameters and the formatted text may quote a mail."""
    return {"message": without_addresses(str(entry.get("message", "")))}


def _scrubbed_exception(exception: Any) -> dict[str, Any]:
    """Keep the type and the frames; the exception's text may quote a mail."""
    kept = {name: exception[name] for name in ("type", "module", "mechanism") if name in exception}
    frames = (exception.get("stacktrace") or {}).get("frames", [])
    kept["stacktrace"] = {
        "frames": [
            {name: frame[name] for name in frame.keys() & _KEPT_FRAME_FIELDS} for frame in frames
        ]
    }
    return kept
