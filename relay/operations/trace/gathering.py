"""Finds everything that belongs to one mail, from any one of its ids.

One message leads to others: SNS may have published the mail twice, the overflow gave it another SQS
id, a bounce names the mail that we sent. So ids are followed until there are no more.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce

from bridge.ledger.story import read_line
from relay.operations.trace.evidence import DeliveryRow, HeldRow, Ids, Told, read_event

_ROUNDS = 8
"""Enough for the longest chain: a mail, its release, its bounce, the notice of that."""

_HELD = "held/"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What belongs together."""

    ids: Ids
    told: Sequence[Told] = ()
    deliveries: Sequence[DeliveryRow] = ()
    held: Sequence[HeldRow] = ()
    masks: frozenset[str] = field(default_factory=frozenset)
    trace_ids: frozenset[str] = field(default_factory=frozenset)


class Events:
    """The events in Redis, as lines. Only those in which an id occurs are read."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._unread = list(enumerate(lines))
        first = read_line(self._unread[0][1]) if self._unread else None
        self.since_ms = first.at_ms if first else None
        self._read: list[tuple[int, Told]] = []
        self._asked: frozenset[str] = frozenset()

    def about(self, ids: Iterable[str]) -> list[Told]:
        """Return what was told of these ids, and of those asked for before, in order."""
        new = frozenset(ids) - self._asked - {""}
        if new:
            self._asked |= new
            has_any = re.compile("|".join(map(re.escape, new))).search
            found = [(number, line) for number, line in self._unread if has_any(line)]
            numbers = {number for number, _ in found}
            self._unread = [one for one in self._unread if one[0] not in numbers]
            for number, line in found:
                if event := read_line(line):
                    self._read += [(number, told) for told in read_event(event)]
            self._read.sort(key=lambda one: one[0])
        return [told for _, told in self._read]


def gather(
    start: Ids,
    events: Events,
    find_deliveries: Callable[[Ids], list[DeliveryRow]],
    find_held: Callable[[frozenset[str]], list[HeldRow]],
) -> Evidence:
    """Follow ids from `start` through all events and rows."""
    ids, deliveries = start, list[DeliveryRow]()
    for _ in range(_ROUNDS):
        before = ids
        ids = _follow(ids, events)
        deliveries = find_deliveries(ids)
        for row in deliveries:
            ids |= row.ids
        if ids == before:
            break
    chosen = [one for one in events.about(ids.all) if one.ids.meets(ids)]
    # Of what the start may have been, only what something has.
    known = [one.ids for one in chosen] + [row.ids for row in deliveries]
    ids = reduce(Ids.__or__, known, Ids())
    masks = {mask for one in chosen for mask in one.masks}
    masks |= {row.mask for row in deliveries if row.mask}
    return Evidence(
        ids,
        chosen,
        deliveries,
        find_held(ids.sns),
        frozenset(masks),
        frozenset(one.trace_id for one in chosen if one.trace_id),
    )


def _follow(ids: Ids, events: Events) -> Ids:
    for _ in range(_ROUNDS):
        before = ids
        for one in events.about(ids.all):
            if one.ids.meets(ids):
                ids |= one.ids
        if ids == before:
            break
    return ids


def starting_at(given: str, events: Events, prefix: str) -> Ids:
    """Return what an id may be. A trace's id leads to its messages; a key in S3 ends with SES's id.

    `prefix` is what stands before SES's id in the keys of mails.
    """
    one = frozenset({given})
    held = frozenset({given.removeprefix(_HELD)}) if given.startswith(_HELD) else frozenset()
    ids = Ids(one, one, one | {prefix + given}, one | held)
    for event in events.about([given]):
        keys = event.ids.mails
        if event.trace_id == given or any(key.rpartition("/")[2] == given for key in keys):
            ids |= event.ids
    return ids
