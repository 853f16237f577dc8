"""Makes a span of each attempt, under the bridge's span of the message, if tracing is on.

The option with that span stays with the message when it is retried, put back, requeued or taken
over from a dead worker: all its attempts are in one trace.
"""

import threading
from dataclasses import replace
from typing import Any

import dramatiq

from bridge.ledger import failure_reasons
from emails.wire import SQS_MESSAGE_ID
from relay.config import RelayConfig
from relay.worker.middleware.put_back import TRIES
from runtime import message_context, tracing
from runtime.trace_header import read_traceparent

SERVICE = "mail-relay-worker"


class AttemptSpans(dramatiq.Middleware):
    """Starts tracing in each worker process. Stands behind `MessageIds`, before all others."""

    def __init__(self, config: RelayConfig) -> None:
        self._config = config
        self._thread = threading.local()

    def after_process_boot(self, broker: dramatiq.Broker) -> None:
        """Start: this process has been forked."""
        tracing.start(self._config, SERVICE)

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Send the last spans, now that all messages have ended."""
        tracing.stop()

    def before_process_message(self, broker: dramatiq.Broker, message: Any) -> None:
        """Begin an attempt's span."""
        if (spans := tracing.active()) is None or SQS_MESSAGE_ID not in message.options:
            return
        options, known = message.options, message_context.current()
        parent = read_traceparent(options.get(tracing.TRACEPARENT))
        own_id = known.sns_message_id or known.sqs_message_id
        trace_id = parent.trace_id if parent else known.trace_id or tracing.name_trace(own_id)
        known = replace(known, trace_id=trace_id)
        message_context.begin(known)
        attempt = 1 + int(options.get("retries", 0)) + int(options.get(TRIES, 0))
        span = spans.begin(
            f"process {message.queue_name}",
            known,
            parent=parent,
            attributes={
                "messaging.system": "dramatiq",
                "messaging.destination.name": message.queue_name,
                "messaging.operation.name": "process",
                "relay.attempt": attempt,
            },
        )
        self._thread.open = span.__enter__(), known

    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: Any,
        *,
        result: object = None,
        exception: BaseException | None = None,
    ) -> None:
        """End it, and say what follows."""
        if not message.failed:
            self._end("done" if exception is None else "to_be_retried", exception)
        else:
            self._end("dead_lettered", exception)

    def after_skip_message(self, broker: dramatiq.Broker, message: Any) -> None:
        """End it: the actor did not run."""
        self._end("skipped", None)

    def _end(self, result: str, exception: BaseException | None) -> None:
        opened = getattr(self._thread, "open", None)
        if opened is None:
            return
        span, known = opened
        self._thread.open = None
        if message_context.current() != known:
            span.identify(message_context.current())
        span.describe(result=result)
        if exception is not None or result == "dead_lettered":
            span.fail(failure_reasons.detail_for(exception) if exception else result)
        span.end()
