"""Sentry, set up alike in every process: one event a failure, and nothing of a mail in it."""

from typing import TYPE_CHECKING, Any

import sentry_sdk
from sentry_sdk.integrations import Integration
from sentry_sdk.integrations.logging import ignore_logger

from runtime.config import SharedConfig
from runtime.logging import without_addresses

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

TO_BE_RETRIED = "to_be_retried"
"""The tag of an attempt's event that says whether the attempt will be retried: `yes` or `no`."""

_KEPT_CONTEXTS = frozenset({"runtime", "os", "device", "trace"})
"""Sentry's Dramatiq context holds the message with its arguments: the mail. It is not kept."""

_KEPT_FRAME_FIELDS = frozenset(
    {"abs_path", "filename", "function", "module", "lineno", "in_app", "context_line"}
    | {"pre_context", "post_context"}
)


def set_up_sentry(config: SharedConfig, *, django: bool) -> None:
    """Report failures to Sentry, if it is configured. Must come before the broker is made."""
    if config.sentry_dsn is None:
        return
    integrations: list[Integration] = []
    if django:
        # Not above: both import Django, which the bridge does without.
        from sentry_sdk.integrations.django import DjangoIntegration
        from sentry_sdk.integrations.dramatiq import DramatiqIntegration

        integrations = [DjangoIntegration(), DramatiqIntegration()]
    # The worker logs each failed attempt with the message's arguments; the event tells it better.
    ignore_logger("dramatiq.worker.WorkerThread")
    sentry_sdk.init(
        dsn=config.sentry_dsn,
        environment=config.sentry_environment,
        integrations=integrations,
        auto_enabling_integrations=False,
        include_local_variables=False,
        send_default_pii=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        before_send=scrub,
    )


def scrub(event: "Event", hint: "Hint") -> "Event | None":
    """Drop the event of an attempt that is retried, and from every other one all that may be mail.

    What is kept is listed, not what is removed: what Sentry adds in its next version stays out
    until somebody has looked at it.
    """
    if event.get("tags", {}).get(TO_BE_RETRIED) == "yes":
        return None
    kept: Any = {
        name: event[name]
        for name in (
            "event_id", "timestamp", "level", "platform", "logger", "environment", "release",
            "server_name", "sdk", "modules", "tags", "transaction", "type",
        )
        if name in event
    }  # fmt: skip
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
    """Keep the fixed message; its parameters and what they were put into may quote a mail."""
    return {"message": without_addresses(str(entry.get("message", "")))}


def _scrubbed_exception(exception: Any) -> dict[str, Any]:
    """Keep the type and the frames; an exception's text may quote the data it stumbled over."""
    kept = {name: exception[name] for name in ("type", "module", "mechanism") if name in exception}
    frames = (exception.get("stacktrace") or {}).get("frames", [])
    kept["stacktrace"] = {
        "frames": [
            {name: frame[name] for name in frame.keys() & _KEPT_FRAME_FIELDS} for frame in frames
        ]
    }
    return kept
