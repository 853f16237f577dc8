"""Puts what is known of a mail in order, says how it ended, and what can't be known. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from relay.operations.trace.evidence import POSTGRESQL, DeliveryRow, HeldRow, Ids, Step, Told
from relay.operations.trace.gathering import Evidence

_BEFORE = frozenset({"received_by_ses", "sent_to_sqs"})
"""What a dispatch tells of the time before it."""

_CLOCKS = timedelta(seconds=1)
"""How much PostgreSQL's clock may differ from Redis's."""

_HELD_STATES = ("held", "releasing")

RETENTION_DAYS = 15
"""How long PostgreSQL has a delivery: `emails.store.retention.DELIVERY_RETENTION`."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What could be read. `redis_since` is when Redis's events begin, None if there are none.

    `failures` names each source that could not be read, and why. A message that came by the queue
    `overflow_queue` had another SQS id before.
    """

    redis_since: datetime | None = None
    failures: tuple[str, ...] = ()
    overflow_queue: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """A mail's story. `ends` says how it ended, for each of its recipients and its feedback."""

    ids: Ids
    masks: tuple[str, ...]
    trace_ids: tuple[str, ...]
    steps: tuple[Step, ...]
    ends: tuple[str, ...]
    unknown: tuple[str, ...]


def tell(evidence: Evidence, sources: Sources) -> Trace:
    """Tell the story."""
    steps = [step for one in evidence.told for step in one.steps]
    steps += _of_rows(evidence, steps)
    # Stable, so what happened at the same moment stays in the order in which it was told.
    steps.sort(key=lambda step: step.at)
    return Trace(
        evidence.ids if steps else Ids(),
        tuple(sorted(evidence.masks)),
        tuple(sorted(evidence.trace_ids)),
        tuple(_without_repeats(steps)),
        tuple(_ends(evidence)),
        tuple(_unknown(evidence, steps, sources)),
    )


def _of_rows(evidence: Evidence, told: Sequence[Step]) -> list[Step]:
    """What PostgreSQL adds to what Redis tells."""
    claimed = {step.fields.get("delivery") for step in told if step.what == "claimed"}
    is_settled = any(step.what == "settled" for step in told)
    steps = []
    for row in evidence.deliveries:
        about = {"delivery": row.reference, "purpose": row.purpose, "mask": row.mask}
        about = {name: value for name, value in about.items() if value}
        if row.reference not in claimed:
            steps.append(Step(row.created_at, "claimed", about, POSTGRESQL))
        is_told = is_settled and row.reference in claimed
        if row.finished_at is not None and not is_told:
            sent = {"ses_message_id": row.sent_as} if row.sent_as else {}
            said = {"outcome": row.outcome, "reason": row.reason}
            # The row has the time when the attempt began that settled it.
            at = max(row.created_at, row.finished_at)
            steps.append(Step(at, "recorded", about | said | sent, POSTGRESQL))
    for held in evidence.held:
        steps += _of_held(held)
    return steps


def _of_held(held: HeldRow) -> list[Step]:
    about = {"held_mail": str(held.number)}
    steps = [Step(held.held_at, "held", about | {"reason": held.reason}, POSTGRESQL)]
    if held.released_at is not None:
        steps.append(Step(held.released_at, "released", about, POSTGRESQL))
    if held.ended_at is not None:
        steps.append(Step(held.ended_at, "held_ended", about | _outcome(held.outcome), POSTGRESQL))
    return steps


def _outcome(text: str) -> dict[str, str]:
    outcome, _, reason = text.partition(" ")
    return {name: word for name, word in (("outcome", outcome), ("reason", reason)) if word}


def _without_repeats(steps: Sequence[Step]) -> list[Step]:
    """Tell once when SES and SQS had the mail, however often it was dispatched."""
    kept: list[Step] = []
    for step in steps:
        is_before = step.what in _BEFORE
        if not (is_before and step in kept):
            kept.append(step)
    return kept


def end_of(row: DeliveryRow) -> str:
    """Say how a delivery ended, or that it hasn't."""
    if row.state == "finished":
        return f"{row.outcome} {row.reason}"
    return "in doubt: perhaps sent" if row.state == "in_doubt" else "claimed, not settled yet"


def _ends(evidence: Evidence) -> list[str]:
    """Say how it ended. A held mail's last word is that of its row."""
    held = evidence.held
    ends = [
        f"{row.purpose or 'delivery'} {row.reference}: {end_of(row)}"
        for row in evidence.deliveries
        if not (held and row.state == "finished" and row.outcome == "held")
    ]
    ends += [
        f"held mail {one.number}: {one.state}, {one.reason}"
        if one.state in _HELD_STATES
        else f"held mail {one.number}: {one.outcome}"
        for one in held
    ]
    return ends + _ends_of_messages(evidence)


def _ends_of_messages(evidence: Evidence) -> list[str]:
    """Say which messages did not end well, or not yet."""
    ends = []
    for sqs_message_id in sorted(evidence.ids.sqs):
        own = [one for one in evidence.told if sqs_message_id in one.ids.sqs]
        last = _last_word(own)
        if last is not None and (end := _of_message(last)):
            ends.append(f"message {sqs_message_id}: {end}")
    return ends


def _last_word(told: Sequence[Told]) -> Step | None:
    """The last event of a message that says something about its end."""
    words = [step for one in told for step in one.steps if step.what in _TELLING]
    # Of several at one moment, the one that was told last.
    return max(reversed(words), key=lambda step: step.at, default=None)


_TELLING = frozenset(
    {"enqueued", "ended", "attempt_failed", "begun", "rejected", "parked", "deferred", "waiting"}
    | {"set_aside", "refused", "failed", "worker_died"}
)


def _of_message(last: Step) -> str:
    match last.what:
        case "ended" if last.fields.get("state") == "failed":
            return f"dead-lettered: {last.fields.get('reason', 'unknown')}"
        case "failed":
            return "a dead letter: delivered again, and kept hidden"
        case "rejected":
            return f"rejected: {last.fields.get('reason', 'unknown')}"
        case "ended":
            return ""
        case "begun":
            return "a worker works on it, or died"
        case "worker_died":
            return "its worker died: it starts again"
        case "attempt_failed":
            return f"to be tried again: {last.fields.get('reason', 'unknown')}"
        case "enqueued":
            return "waits for a worker"
        case "waiting" | "set_aside":
            return "waits in the bridge, or hidden in SQS, for room"
        case _:
            return f"{last.what} by the bridge"


def _unknown(evidence: Evidence, steps: Sequence[Step], sources: Sources) -> list[str]:
    said = [f"{failure}: what it knows is missing." for failure in sources.failures]
    if not steps:
        said.append(
            f"Nothing is known of this id. PostgreSQL keeps deliveries for {RETENTION_DAYS} days,"
            " and has none of a mail that no worker has begun."
        )
    is_redis_read = not any(failure.startswith("Redis") for failure in sources.failures)
    if not is_redis_read:
        return said
    if sources.redis_since is None:
        said.append(
            "Redis has no events: it was wiped, TRACE_EVENTS is 0, or no mail has come since."
            " Attempts, redeliveries and deletions are missing."
        )
    elif (
        _is_dispatch_lost(evidence, steps)
        or _is_move_lost(sources.overflow_queue, steps)
        or _began_before(sources.redis_since, sources.overflow_queue, steps)
    ):
        since = sources.redis_since.isoformat(timespec="seconds")
        said.append(
            f"Redis's events begin at {since}, when it was wiped or by TRACE_EVENTS: of what"
            " happened before, only what PostgreSQL has is told."
        )
    if any(not row.purpose for row in evidence.deliveries):
        said.append("Some deliveries are of an older release, which did not keep all ids.")
    return said


def _is_dispatch_lost(evidence: Evidence, steps: Sequence[Step]) -> bool:
    return bool(evidence.deliveries) and all(step.what != "enqueued" for step in steps)


def _began_before(since: datetime, overflow_queue: str, steps: Sequence[Step]) -> bool:
    """Whether something may have happened that Redis forgot.

    Of a message that SQS had never delivered before, only what others did is older.
    """
    dispatch = next((step.fields for step in steps if step.what == "enqueued"), {})
    is_first = dispatch.get("receives") == "1" and dispatch.get("sqs_queue") != overflow_queue
    ours = [step for step in steps if not (is_first and step.what in _BEFORE)]
    return any(step.at < since - _CLOCKS for step in ours)


def _is_move_lost(overflow_queue: str, steps: Sequence[Step]) -> bool:
    came = any(step.fields.get("sqs_queue") == overflow_queue for step in steps if overflow_queue)
    return came and all(step.what != "overflowed" for step in steps)
