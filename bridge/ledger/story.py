"""The story of each message, for `manage.py trace`: what became of it, in the order it happened.

    relay:story   a stream of events, at most about as many as `TRACE_EVENTS` says: ids and words

There is one stream for all messages, so that it can be bounded: the oldest events go first. An
event's id is Redis's time, so the order holds whatever the hosts' clocks say. Events ride on calls
that are made anyway, so they cost no round trips; an event that Redis doesn't take is left out.

    e   what happened     q   the SQS message's id
    a   which message it is, as the bridge says at first (`MessageContext.to_text`), else empty
    d   details: words, ids, and the steps of an attempt (`runtime.story`); of what happened to many
        messages at once, their ids
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from redis.exceptions import RedisError

from bridge.ledger import keys
from bridge.ledger.scripts import script

if TYPE_CHECKING:
    from redis import Redis

_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Event:
    """One event, as the stream has it; `at_ms` is Redis's time."""

    at_ms: int
    what: str
    sqs_message_id: str = ""
    about: str = ""
    detail: str = ""


class Story:
    """Tells what happens; with `most` at zero, nothing."""

    def __init__(self, most: int) -> None:
        self.most = most

    def add(self, pipeline: Any, event: Event) -> None:
        """Add an event to what a pipeline sends. Its time is Redis's."""
        if self.most:
            pipeline.execute_command(
                *("XADD", keys.STORY, "MAXLEN", "~", self.most, "*"),
                *("e", event.what, "q", event.sqs_message_id),
                *("a", event.about, "d", event.detail),
            )

    def tell(self, client: "Redis", events: Sequence[Event]) -> bool:
        """Add events in a call of their own; returns whether Redis was reached. Never raises."""
        if not self.most or not events:
            return True
        with suppress(RedisError), client.pipeline(transaction=False) as pipeline:
            for event in events:
                self.add(pipeline, event)
            pipeline.execute(raise_on_error=False)
            return True
        return False


UNTOLD = Story(0)

BEGUN, WORKER_DIED = "begun", "worker_died"
ATTEMPT_WORDS = frozenset({BEGUN, WORKER_DIED, "attempt_failed", "ended"})
"""What is told of a message's attempts."""


def find_begun_by(worker: str, events: Iterable[Event]) -> list[str]:
    """Find the SQS ids of the messages that a worker has begun and not ended. Pure."""
    last = {one.sqs_message_id: one for one in events if one.what in ATTEMPT_WORDS}
    return [key for key, one in last.items() if one.what == BEGUN and one.detail == worker]


def find_events(client: "Redis", since_ms: int = 0) -> Iterator[Event]:
    """Find all events since then, oldest first. Errors of Redis pass through as `RedisError`."""
    return filter(None, map(read_line, find_lines(client, since_ms)))


def find_lines(client: "Redis", since_ms: int = 0) -> Iterator[str]:
    """Find the same as lines, each for `read_line`."""
    find_page, after = script(client, "read_story"), str(since_ms) if since_ms else "-"
    while True:
        number, last, lines = cast(
            "tuple[int, bytes, bytes]", find_page(keys=[keys.STORY], args=[after, _PAGE])
        )
        if number:
            yield from lines.decode(errors="replace").split("\n")
        if number < _PAGE:
            return
        after = f"({last.decode()}"


def read_line(line: str) -> Event | None:
    """Read an event; None if nobody of us wrote it."""
    name, *parts = line.split("\t")
    at_ms = name.partition("-")[0]
    if not (at_ms.isascii() and at_ms.isdigit()):
        return None
    fields = dict(zip(parts[::2], parts[1::2], strict=False))
    return Event(int(at_ms), *(fields.get(field, "") for field in "eqad"))
