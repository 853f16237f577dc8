"""OpenTelemetry's traces: off unless a collector's endpoint is set. Off, nothing of it is imported.

Each process starts it by itself, after it was forked, and stops it as the last thing. What happens
to a message is in one trace, named by X-Ray's header or else by SNS's id: see `trace_header`.
"""

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from runtime.config import SharedConfig
from runtime.message_context import MessageContext, about, first_id
from runtime.start import host_of
from runtime.trace_header import trace_id_from

if TYPE_CHECKING:
    from runtime.spans import Spans

logger = logging.getLogger(__name__)

TRACEPARENT = "traceparent"
"""The option of a message with the span that its attempts continue."""

STOP_SECONDS = 3.0
"""How long a process that stops waits for the collector to take the last spans."""

_PATH = "/v1/traces"

_active: "Spans | None" = None


def active() -> "Spans | None":
    """Return what makes spans; None if tracing is off."""
    return _active


def endpoint_in(config: SharedConfig) -> str | None:
    """Return where spans go: https://opentelemetry.io/docs/specs/otel/protocol/exporter/."""
    if config.otel_disabled:
        return None
    if config.otlp_traces_endpoint is not None:
        return config.otlp_traces_endpoint
    base = config.otlp_endpoint
    return None if base is None else base.rstrip("/") + _PATH


def start(config: SharedConfig, service: str) -> None:
    """Send spans from now on, if an endpoint is set. `service` names them, if no setting does."""
    endpoint = endpoint_in(config)
    if endpoint is None:
        return
    try:
        from runtime.spans import exporting_to
    except ModuleNotFoundError as error:
        # Mail matters more than its traces.
        logger.error("tracing needs the packages of the extra otel", extra={"error": error.name})
        return
    use(exporting_to(endpoint, service))
    logger.info("tracing", extra={"collector": host_of(endpoint)})


def stop() -> None:
    """Send what is left, within `STOP_SECONDS`."""
    if _active is not None:
        _active.stop(STOP_SECONDS)
        use(None)


def use(spans: "Spans | None") -> None:
    """Make spans with these from now on."""
    global _active  # noqa: PLW0603 - one for the process, as its log is
    _active = spans


def name_trace(message_id: str) -> str:
    """Name the trace of a message that came with none; empty if tracing is off."""
    return "" if _active is None else trace_id_from(message_id)


def child(name: str, **attributes: str) -> AbstractContextManager[object]:
    """Make a span of a part of what this thread does."""
    return nullcontext() if _active is None else _active.child(name, attributes)


@contextmanager
def releasing(sns_message_id: str) -> Iterator[None]:
    """Make a span of the release of a held mail, in the trace of the mail's notification."""
    if (spans := _active) is None:
        yield
        return
    mail = MessageContext(
        sns_message_id=first_id(sns_message_id), trace_id=trace_id_from(sns_message_id)
    )
    with about(mail), spans.begin("release", mail):
        yield
