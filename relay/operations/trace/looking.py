"""Looks a mail up in Redis and in PostgreSQL. A source that is down leaves its part unknown."""

import re
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import DatabaseError
from redis.exceptions import RedisError

from bridge.ledger.story import find_lines
from emails.values.facts import MaskRef
from relay.operations.fail_fast import fail_fast_redis
from relay.operations.judgement.read import where
from relay.operations.trace import rows
from relay.operations.trace.evidence import DeliveryRow, Ids
from relay.operations.trace.gathering import Events, gather, starting_at
from relay.operations.trace.telling import Sources, Trace, tell
from runtime.config import queue_name
from runtime.message_context import first_id
from runtime.redis_client import words_of

WITHIN = timedelta(minutes=10)
"""How far from the time that an operator gives a mail to a mask may be, unless told otherwise."""

_NUMBER = re.compile(r"[0-9]{1,18}")


class NoId(ValueError):
    """What was given can't be an id; the text says what can."""


def read_id(text: str) -> str:
    """Check an id that an operator gives. Raises `NoId`."""
    text = text.strip().strip("<>")
    if found := first_id(text.partition("@")[0] if text.endswith(".amazonses.com") else text):
        return found
    raise NoId(
        "an id is an SQS, SNS or SES message id, a key in S3, a delivery, or a trace's id: up to"
        " 256 printable characters, without blanks and without @. Name a mask as random-1"
    )


def read_mask(text: str) -> str:
    """Check a mask that an operator names. Raises `NoId`."""
    if (ref := MaskRef.parse(text)) is None:
        raise NoId("a mask is named as in the log: random-12, domain-3")
    return str(ref)


def trace(given: str) -> Trace:
    """Tell the story of the mail that this id belongs to."""
    failures: list[str] = []
    events = _events(failures)

    def look() -> Trace:
        start = starting_at(given, events, rows.newest_prefix())
        if _NUMBER.fullmatch(given) and (row := rows.find_number(int(given))):
            start |= row.ids
        evidence = gather(start, events, rows.find_deliveries, rows.find_held)
        return tell(evidence, _sources(events, failures))

    try:
        return look()
    except DatabaseError as error:
        failures.append(f"PostgreSQL can't be read ({type(error).__name__})")
        evidence = gather(starting_at(given, events, ""), events, lambda _: [], lambda _: [])
        return tell(evidence, _sources(events, failures))


def find_of_mask(mask: str, at: datetime, within: timedelta) -> list[DeliveryRow]:
    """Find the deliveries of a mask's mails around a time, also those that are not settled yet.

    Raises `DatabaseError`.
    """
    ids = Ids()
    for one in _events([]).about([mask]):
        if mask in one.masks and any(abs(step.at - at) <= within for step in one.steps):
            ids |= Ids(deliveries=one.ids.deliveries)
    found = rows.find_of_mask(mask, at - within, at + within)
    found += [row for row in rows.find_deliveries(ids) if row.is_about_a_mail]
    by_reference = {row.reference: row for row in found}
    return sorted(by_reference.values(), key=lambda row: row.created_at)


def _events(failures: list[str]) -> Events:
    """Read all events; if Redis is down, none, and say so among the failures."""
    url = settings.CONFIG.redis_url
    try:
        return Events(find_lines(fail_fast_redis(url)))
    except RedisError as error:
        failures.append(f"Redis ({where(url)}) can't be read ({words_of(error)})")
        return Events(())


def _sources(events: Events, failures: list[str]) -> Sources:
    since = None
    if events.since_ms is not None:
        since = datetime.fromtimestamp(events.since_ms / 1000, UTC)
    return Sources(since, tuple(failures), queue_name(settings.CONFIG.overflow_queue_url))


def read_time(text: str) -> datetime:
    """Read a time in ISO 8601; without a zone it is UTC. Raises `NoId`."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise NoId("a time is written as 2026-01-31T23:59:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
