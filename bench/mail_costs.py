"""What the ids, the ages and the spans of a mail cost: the CPU time of their calls alone.

`python -m bench.mail_costs [COLLECTOR]` prints milliseconds a mail, as JSON: the best of many runs,
since another process on the machine can only add. What is called is what bridge and worker call for
a mail that is forwarded; nothing of the mail itself is done.
"""

import atexit
import hashlib
import json
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

# Before Prometheus's client is imported: as workers do, it writes to files.
os.environ["PROMETHEUS_MULTIPROC_DIR"] = _FILES = tempfile.mkdtemp(prefix="relay-bench-metrics-")

import markus

from bridge.dispositions import Disposition
from bridge.messages import Handle, Message
from bridge.receive_spans import begin_message, end_messages, of_batch
from emails import wire
from relay.worker.middleware.attempt_spans import AttemptSpans
from runtime import message_context, story, tracing
from runtime.ages import Stage, note_age
from runtime.logging import JsonFormatter, WithMessageIds
from runtime.message_context import MessageContext
from runtime.prometheus import PrometheusMetrics
from runtime.trace_header import trace_id_from

atexit.register(shutil.rmtree, _FILES)

_BATCH = 10
_RUNS, _BATCHES = 300, 5
"""Many short runs: some of them meet no other process."""
_TRACED_RUNS, _TRACED_BATCHES = 30, 30
"""Each run makes fewer spans than the SDK's queue takes, and ends when they have been sent."""

_RECEIVED_AT_MS = int(time.time() * 1000)
_FORMATTER, _IDS = JsonFormatter(), WithMessageIds()
_BROKER: Any = None
_ATTEMPTS = AttemptSpans(SimpleNamespace())  # type: ignore[arg-type]


def main() -> None:
    """Measure, and print."""
    markus.configure([{"class": lambda **_: PrometheusMetrics("mail_relay")}], raise_errors=True)
    bare = _best(_values)
    told = {
        "ids_and_ages_ms": _best(_with_ids) - _best(_without_ids),
        "off_ms": _best(_spans) - bare,
    }
    if len(sys.argv) > 1:
        told["spans_ms"] = _best_traced(sys.argv[1]) - bare
    print(json.dumps(told))


def _with_ids() -> None:
    """Let bridge and worker know which mail they work on, log it and note its ages."""
    for number in range(_BATCH):
        known = _known(number)
        with message_context.about(known):
            note_age(Stage.DISPATCHED)
            text = known.to_text()
        with message_context.about(message_context.from_text(f"sqs-{number}", text)):
            for stage in (Stage.BEGUN, Stage.SENT, Stage.SETTLED):
                age = note_age(stage)
            _log("settled", mail_age_s=age)
            _log("done")
        with message_context.about(known):
            _log("message processed", mail_age_s=note_age(Stage.DELETED))


def _without_ids() -> None:
    for number in range(_BATCH):
        _known(number)
        for message in ("settled", "done", "message processed"):
            _log(message)


def _values() -> tuple[list[Message], list[MessageContext], list[Any], dict[Handle, Disposition]]:
    """Make what `_spans` is about, in either case."""
    messages = [Message(f"sqs-{number}", "receipt", "", 1, 0) for number in range(_BATCH)]
    options = [{wire.SQS_MESSAGE_ID: message.message_id} for message in messages]
    enqueued = [
        SimpleNamespace(queue_name=wire.INBOUND_QUEUE, options=one, failed=False) for one in options
    ]
    results = dict.fromkeys([message.handle for message in messages], Disposition.ENQUEUED)
    return messages, [_known(number) for number in range(_BATCH)], enqueued, results


def _spans() -> None:
    """Call what makes the spans of ten mails, one batch; if tracing is off, of none."""
    messages, known, enqueued, results = _values()
    with of_batch("emails", messages, time.time_ns()):
        for number, message in enumerate(messages):
            enqueued[number].options |= begin_message(message, known[number])
        end_messages(messages, results)
    for number, one in enumerate(enqueued):
        message_context.begin(known[number])
        _attempt(one, number)


def _attempt(enqueued: Any, number: int) -> None:
    _ATTEMPTS.before_process_message(_BROKER, enqueued)
    with tracing.child("deliver", **{"relay.purpose": "received"}):
        story.note("claimed", "received", number)
        story.note("mask", f"random-{number}")
        with tracing.child("call s3"):
            pass
        with tracing.child("call ses"):
            pass
        story.note("sent", f"received {number}", f"0100-{number}")
        story.note("settled", "forwarded", "existing_mask", f"random-{number}")
    _ATTEMPTS.after_process_message(_BROKER, enqueued)
    message_context.end()


def _known(number: int) -> MessageContext:
    sns_id = hashlib.md5(str(number).encode()).hexdigest()
    trace_id = trace_id_from(sns_id) if tracing.active() else ""
    return MessageContext(f"sqs-{number}", sns_id, f"mail/{sns_id}", trace_id, _RECEIVED_AT_MS)


def _log(message: str, **fields: object) -> None:
    record = logging.makeLogRecord({"msg": message, "levelno": logging.INFO, **fields})
    _IDS.filter(record)
    _FORMATTER.format(record)


def _best(work: Callable[[], object]) -> float:
    return min(_ms_of(work, _BATCHES) for _ in range(_RUNS))


def _best_traced(collector: str) -> float:
    """Return what the spans cost, made and sent: `stop` waits for the latter."""
    config: Any = SimpleNamespace(
        otel_disabled=False, otlp_traces_endpoint=None, otlp_endpoint=collector
    )

    def traced() -> None:
        tracing.start(config, "bench")
        for _ in range(_TRACED_BATCHES):
            _spans()
        tracing.stop()

    return min(_ms_of(traced, 1) for _ in range(_TRACED_RUNS)) / _TRACED_BATCHES


def _ms_of(work: Callable[[], object], batches: int) -> float:
    before = time.process_time()
    for _ in range(batches):
        work()
    return (time.process_time() - before) / (batches * _BATCH) * 1000


if __name__ == "__main__":
    main()
