"""A trace as shown: as JSON or as lines. Pure."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from relay.operations.trace.evidence import DeliveryRow, Step
from relay.operations.trace.telling import Trace, end_of

WORDS = {
    "received_by_ses": "SES received the mail",
    "sent_to_sqs": "SQS got the notification",
    "enqueued": "verified and dispatched",
    "in_flight": "delivered again by SQS while in flight",
    "done": "delivered again by SQS after its end",
    "failed": "delivered again by SQS: a dead letter, kept hidden",
    "rejected": "rejected by the bridge",
    "deferred": "deferred by the bridge",
    "parked": "parked by the bridge",
    "overflowed": "moved to the overflow queue",
    "waiting": "waits in the bridge for room",
    "set_aside": "set aside by the bridge, which has no place for it",
    "refused": "refused by Redis, and released",
    "begun": "an attempt began",
    "worker_died": "the worker died, and others go on",
    "claimed": "claimed",
    "mask": "for this mask",
    "sent": "accepted by SES",
    "sent_before": "SES has it from an earlier attempt",
    "confirmed": "confirmed by SES's Send event",
    "settled": "settled",
    "settled_before": "settled before",
    "recorded": "settled by the attempt that began then",
    "not_settled": "not settled",
    "attempt_failed": "the attempt ended, to be repeated",
    "ended": "acknowledged",
    "deleted": "deleted from SQS",
    "kept": "kept hidden in SQS, beside its dead letter",
    "held": "held",
    "released": "to be released",
    "held_ended": "no longer held",
}


def as_json(trace: Trace) -> dict[str, Any]:
    """Return all of it. `after_s` is how long after the step before."""
    return {
        "sqs_message_ids": sorted(trace.ids.sqs),
        "sns_message_ids": sorted(trace.ids.sns),
        "mail_ids": sorted(trace.ids.mails),
        "deliveries": sorted(trace.ids.deliveries),
        "masks": list(trace.masks),
        "trace_ids": list(trace.trace_ids),
        "steps": [
            {
                "at": _time(step.at),
                "after_s": after,
                "what": step.what,
                **step.fields,
                "source": step.source,
            }
            for step, after in with_gaps(trace.steps)
        ],
        "ends": list(trace.ends),
        "unknown": list(trace.unknown),
    }


def as_lines(trace: Trace) -> Iterator[str]:
    """Format it for people."""
    for name, values in (
        ("SQS message", sorted(trace.ids.sqs)),
        ("SNS message", sorted(trace.ids.sns)),
        ("mail", sorted(trace.ids.mails)),
        ("delivery", sorted(trace.ids.deliveries)),
        ("mask", trace.masks),
        ("trace", trace.trace_ids),
    ):
        yield from (f"{name + ':':13}{value}" for value in values)
    yield ""
    for step, after in with_gaps(trace.steps):
        yield f"{_time(step.at)}  {after:+10.3f} s  {words_for(step)}".rstrip()
    yield ""
    yield from (f"End: {end}" for end in trace.ends or ["not known"])
    yield from (f"Not known: {sentence}" for sentence in trace.unknown)


def words_for(step: Step) -> str:
    """Say what happened, with the words and ids about it."""
    details = ", ".join(f"{name}={value}" for name, value in step.fields.items())
    return f"{WORDS.get(step.what, step.what)}  {details}".rstrip()


def with_gaps(steps: tuple[Step, ...]) -> Iterator[tuple[Step, float]]:
    """Yield each step with the seconds since the one before."""
    before = steps[0].at if steps else None
    for step in steps:
        yield step, round((step.at - (before or step.at)).total_seconds(), 3)
        before = step.at


def summary(row: DeliveryRow) -> dict[str, str]:
    """Return a delivery in a list."""
    return {
        "at": _time(row.created_at),
        "delivery": row.reference,
        "purpose": row.purpose,
        "mask": row.mask,
        "end": end_of(row),
        "sqs_message_id": row.sqs_message_id,
        "sns_message_id": row.sns_message_id,
    }


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
