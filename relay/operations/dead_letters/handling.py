"""What operators do with dead letters: find, requeue, delete.

The commands and the admin's pages both use it. Places are read in slices, messages a hundred at a
time and only when needed.
"""

import heapq
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache

import markus
from django.conf import settings

from bridge.ledger import failure_reasons
from bridge.ledger.dead_letters import (
    MESSAGES_BATCH,
    PLACES_BATCH,
    DeadLetters,
    Place,
    Requeue,
    in_batches,
)
from bridge.ledger.story import ATTEMPT_WORDS, Event, find_lines, read_line
from emails.models import DomainMask, RandomMask
from emails.rules import addresses
from emails.store import doubts
from emails.store.retention import DELIVERY_RETENTION
from emails.values.facts import MaskKind, MaskRef
from relay.operations.dead_letters.filters import QUEUES, Filters, MaskFilter
from relay.operations.dead_letters.letter import DeadLetter, make_requeue, read
from runtime.redis_client import connect
from runtime.seals import Seals

logger = logging.getLogger(__name__)
metrics = markus.get_metrics("operations")

REQUEUE_WITHIN = DELIVERY_RETENTION - timedelta(days=1)
"""For how long after a notification was sent the database surely remembers its processing."""


class Result(StrEnum):
    """What became of a chosen dead letter. The values appear in logs and metrics."""

    REQUEUED = "requeued"
    DELETED = "deleted"
    DONE = "done"
    IN_FLIGHT = "in_flight"
    GONE = "gone"
    TOO_OLD = "too_old"
    UNREADABLE = "unreadable"
    IN_DOUBT = "in_doubt"
    NOT_IN_DOUBT = "not_in_doubt"


@dataclass(frozen=True, slots=True)
class Handled:
    """A dead letter, and what became of it."""

    letter: DeadLetter
    result: Result


@cache
def store() -> DeadLetters:
    """Return the dead letters of this relay's Redis."""
    return DeadLetters(connect(settings.CONFIG.redis_url), settings.CONFIG.max_lifetime_seconds)


def find_attempts(letter: DeadLetter) -> list[Event]:
    """Find what Redis still knows of its attempts, oldest first; a killed worker's are among them.

    Errors of Redis pass through.
    """
    if not letter.sqs_message_id:
        return []
    lines = find_lines(connect(settings.CONFIG.redis_url))
    events = map(read_line, (line for line in lines if letter.sqs_message_id in line))
    own = (one for one in events if one and one.sqs_message_id == letter.sqs_message_id)
    return [one for one in own if one.what in ATTEMPT_WORDS]


@cache
def _seals() -> Seals:
    return Seals(settings.CONFIG.ledger_secrets)


def find_mask(ref: MaskRef) -> MaskFilter | None:
    """Find a mask with its address; None if there is no such mask."""
    table = RandomMask if ref.kind is MaskKind.RANDOM else DomainMask
    mask = table.objects.filter(pk=ref.id).first()
    address = addresses.parse(mask.address) if mask is not None else None
    return MaskFilter(ref, address) if address is not None else None


def find(
    dead_letters: DeadLetters, filters: Filters, now: datetime, before: Place | None = None
) -> Iterator[DeadLetter]:
    """Find dead letters, newest first; with `before`, those that come after it in this order."""
    places = _places(dead_letters, filters, now, before)
    for batch in in_batches(_of_reason(dead_letters, places, filters), MESSAGES_BATCH):
        yield from filter(filters.is_message, _letters(dead_letters, batch))


def find_by_id(dead_letters: DeadLetters, ids: Iterable[str]) -> Iterator[DeadLetter]:
    """Find dead letters by id; missing ones are skipped."""
    found = (dead_letters.find(QUEUES, one) for one in dict.fromkeys(ids))
    for batch in in_batches((place for place in found if place is not None), MESSAGES_BATCH):
        yield from _letters(
            dead_letters, list(zip(batch, dead_letters.reasons(batch), strict=True))
        )


def count(dead_letters: DeadLetters, filters: Filters, now: datetime) -> int:
    """Count the matching dead letters, reading messages only if the filters need them."""
    if filters.reads_messages:
        return sum(1 for _ in find(dead_letters, filters, now))
    if not filters.reason:
        bounds = _bounds_ms(filters, now)
        return sum(dead_letters.count(queue, *bounds) for queue in filters.queues)
    places = _places(dead_letters, filters, now)
    return sum(1 for _ in _of_reason(dead_letters, places, filters))


def count_by_reason(dead_letters: DeadLetters, filters: Filters, now: datetime) -> Counter[str]:
    """Count reasons in the filters' queues and time range, ignoring the other filters."""
    counted: Counter[str] = Counter()
    for queue in filters.queues:
        for batch in in_batches(
            dead_letters.places(queue, *_bounds_ms(filters, now)), PLACES_BATCH
        ):
            counted.update(
                reason or failure_reasons.UNKNOWN for reason in dead_letters.reasons(batch)
            )
    return counted


def requeue(
    dead_letters: DeadLetters, letters: Iterable[DeadLetter], now: datetime, *, even_if_old: bool
) -> Iterator[Handled]:
    """Requeue dead letters in batches; yields what became of each.

    A letter older than the database's memory is skipped unless `even_if_old`: a recipient might get
    the mail a second time.
    """
    for batch in in_batches(letters, MESSAGES_BATCH):
        handled = list(_requeue_batch(dead_letters, batch, now, even_if_old=even_if_old))
        _record(handled)
        yield from handled


def settle_doubt(
    dead_letters: DeadLetters, letters: Iterable[DeadLetter], now: datetime, *, was_sent: bool
) -> Iterator[Handled]:
    """Say of mails in doubt that they were sent, or not, and requeue them; yields as `requeue`.

    Requeued, each ends in order, or is sent. Raises `NotFinished` if the database is away.
    """
    for batch in in_batches(letters, MESSAGES_BATCH):
        doubtful = [letter for letter in batch if letter.is_in_doubt]
        others = [Handled(one, Result.NOT_IN_DOUBT) for one in batch if not one.is_in_doubt]
        rows = doubts.of_messages([letter.sns_message_id for letter in doubtful])
        if was_sent:
            doubts.say_sent(rows, now)
        else:
            doubts.say_not_sent(rows)
        _record(others)
        yield from others
        yield from requeue(dead_letters, doubtful, now, even_if_old=was_sent)


def delete(
    dead_letters: DeadLetters,
    letters: Iterable[DeadLetter],
    now: datetime,
    *,
    even_in_doubt: bool = False,
) -> Iterator[Handled]:
    """Delete dead letters in batches; yields what became of each.

    One in doubt is left: SQS would bring it back as often as it is deleted. `settle_doubt` ends it.
    """

    def is_left(letter: DeadLetter) -> bool:
        return letter.is_in_doubt and not even_in_doubt and not _is_old(letter, now)

    for all_of_batch in in_batches(letters, MESSAGES_BATCH):
        doubtful = [letter for letter in all_of_batch if is_left(letter)]
        left = [Handled(letter, Result.IN_DOUBT) for letter in doubtful]
        _record(left)
        yield from left
        batch = [letter for letter in all_of_batch if not is_left(letter)]
        deleted = dead_letters.delete([(letter.place, letter.sqs_message_id) for letter in batch])
        handled = [
            Handled(letter, Result.DELETED if was_there else Result.GONE)
            for letter, was_there in zip(batch, deleted, strict=True)
        ]
        _record(handled)
        yield from handled


def _requeue_batch(
    dead_letters: DeadLetters, batch: list[DeadLetter], now: datetime, *, even_if_old: bool
) -> Iterator[Handled]:
    requeues: list[tuple[DeadLetter, Requeue]] = []
    for letter in batch:
        one = make_requeue(letter, now)
        if one is None:
            yield Handled(letter, Result.UNREADABLE)
        elif not even_if_old and _is_old(letter, now):
            yield Handled(letter, Result.TOO_OLD)
        else:
            requeues.append((letter, one))
    replies = dead_letters.requeue([one for _, one in requeues], int(now.timestamp() * 1000))
    for (letter, _), reply in zip(requeues, replies, strict=True):
        yield Handled(letter, Result(reply.value))


def _is_old(letter: DeadLetter, now: datetime) -> bool:
    return letter.sent_at is not None and now - letter.sent_at > REQUEUE_WITHIN


def _record(handled: list[Handled]) -> None:
    """Log which messages were handled, one line per batch and result, and count them."""
    for result, number in Counter(one.result for one in handled).items():
        ids = [one.letter.sqs_message_id for one in handled if one.result is result]
        logger.info(
            "dead letters handled",
            extra={"result": result.value, "count": number, "sqs_message_ids": ids},
        )
        metrics.incr("dead_letters", number, tags=[f"result:{result}"])


def _places(
    dead_letters: DeadLetters, filters: Filters, now: datetime, before: Place | None = None
) -> Iterator[Place]:
    """Iterate over the places in the filters' queues and time range, newest first."""
    newest_ms, oldest_ms = _bounds_ms(filters, now)
    if before is not None:
        newest_ms = min(newest_ms, before.died_at_ms)
    merged = heapq.merge(
        *(dead_letters.places(queue, newest_ms, oldest_ms) for queue in filters.queues),
        key=_age_key,
        reverse=True,
    )
    return (place for place in merged if before is None or _age_key(place) < _age_key(before))


def _of_reason(
    dead_letters: DeadLetters, places: Iterator[Place], filters: Filters
) -> Iterator[tuple[Place, str]]:
    # Without a reason to filter by, read no further ahead than what is shown.
    size = PLACES_BATCH if filters.reason else MESSAGES_BATCH
    for batch in in_batches(places, size):
        for place, noted in zip(batch, dead_letters.reasons(batch), strict=True):
            reason = noted or failure_reasons.UNKNOWN
            if filters.is_reason(reason):
                yield place, reason


def _letters(
    dead_letters: DeadLetters, batch: Sequence[tuple[Place, str | None]]
) -> Iterator[DeadLetter]:
    stored = dead_letters.messages([place for place, _ in batch])
    for (place, reason), message in zip(batch, stored, strict=True):
        if message is not None:
            yield read(place, message, reason, _seals())


def _age_key(place: Place) -> tuple[int, str]:
    return place.died_at_ms, place.id


def _bounds_ms(filters: Filters, now: datetime) -> tuple[float, float]:
    """Return the newest and the oldest time of death that match, in this order."""
    newest = now - filters.older_than if filters.older_than is not None else None
    oldest = now - filters.newer_than if filters.newer_than is not None else None
    return (
        newest.timestamp() * 1000 if newest else float("inf"),
        oldest.timestamp() * 1000 if oldest else float("-inf"),
    )
