"""Lanes in Redis: their work in flight, and what waits behind it.

    relay:lanes          sorted set: lane → work in flight
    relay:lanes-behind   sorted set: lane → messages that went to the overflow and are not back
    relay:lane-charges   hash: message id → class, work, lane
    relay:lane-classes   hash: class → messages in flight; crowd → how many go first before each
                         lane has but one that does

`dispatch.py` admits and charges, `acknowledgements.py` discharges. Redis may forget all of it: then
a flood counts as new, and gets its share once more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.ledger import keys
from bridge.ledger.scripts import script

if TYPE_CHECKING:
    from redis import Redis

SHARE = 30
"""How much work of one lane may be in flight at least; above, a tenth of all. As in `lanes.lua`."""

MIB = 1024 * 1024

_AGE_SECONDS = 60


def share_of(max_in_flight: int) -> int:
    """Return how much work of one lane may be in flight before its mail goes to the overflow."""
    return max(SHARE, max_in_flight // 10)


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane by its opaque name: its work in flight, and how many of its messages wait.

    `released_seconds`: for how long more its mail goes before other mail, as an operator said.
    """

    name: str
    work: int
    behind: int
    released_seconds: int = 0


class Lanes:
    """All lanes. Errors of Redis pass through as `RedisError`."""

    def __init__(self, client: "Redis") -> None:
        self._redis = client
        self._bulk_room = script(client, "lanes", "bulk_room")
        self._note_behind = script(client, "lanes", "note_behind")
        self._charge_large = script(client, "lanes", "charge_large")
        self._still_first = script(client, "lanes", "still_first")

    def find_bulk_room(self, max_in_flight: int) -> int:
        """Return how many mails from the overflow may be dispatched now."""
        room: int = self._bulk_room(keys=list(keys.OF_LANES), args=[max_in_flight])
        return room

    def note_behind(self, lanes: Sequence[str], by: int = 1) -> None:
        """Count messages of these lanes that go to the overflow; `by` -1: they don't after all."""
        if lanes:
            self._note_behind(keys=list(keys.OF_LANES), args=[by, *lanes])

    def note_overflow_sent(self, sent_at_ms: int) -> None:
        """Note when the oldest message that just came back from the overflow queue was sent."""
        self._redis.set(keys.OVERFLOW_SENT, sent_at_ms, ex=_AGE_SECONDS)

    def find_overflow_sent_ms(self) -> int | None:
        """Return that; None if nothing has come back for a minute."""
        found: Any = self._redis.get(keys.OVERFLOW_SENT)
        return None if found is None else int(found)

    def forget_behind(self) -> None:
        """Count anew: the overflow is empty."""
        self._redis.delete(keys.LANES_BEHIND)

    def charge_large(self, message_id: str, size: int) -> None:
        """Charge a mail of `size` bytes for each MiB, and as one that others go before."""
        self._charge_large(keys=list(keys.OF_LANES), args=[message_id, 1 + size // MIB])

    def is_still_first(self, message_id: str) -> bool:
        """Whether a mail in flight still goes before others. If not, it is charged as bulk.

        The first mail of a flood looks like any other. What comes behind it shows what it is.
        """
        return bool(self._still_first(keys=list(keys.OF_LANES), args=[message_id]))

    def count(self, at_least: int = 1) -> int:
        """Count the lanes with so much work in flight."""
        counted: int = self._redis.zcount(keys.LANES, at_least, "+inf")
        return counted

    def count_lanes_behind(self) -> int:
        """Count the lanes that have messages in the overflow."""
        counted: int = self._redis.zcard(keys.LANES_BEHIND)
        return counted

    def count_behind(self) -> int:
        """Count the messages that went to the overflow and are not back."""
        found: list[Any] = self._redis.zrange(keys.LANES_BEHIND, 0, -1, withscores=True)
        return sum(int(number) for _, number in found)

    def release(self, name: str, seconds: int) -> None:
        """Let a lane's mail go before other mail for a while, however much it is; 0: no longer."""
        if seconds > 0:
            self._redis.set(keys.LANE_RELEASED + name, 1, ex=seconds)
        else:
            self._redis.delete(keys.LANE_RELEASED + name)

    def find_busiest(self, number: int) -> list[Lane]:
        """Find the busiest lanes, the busiest first."""
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.zrange(keys.LANES, 0, number - 1, desc=True)
            pipeline.zrange(keys.LANES_BEHIND, 0, number - 1, desc=True)
            in_flight, behind = pipeline.execute()
        found = self.find([name.decode() for name in {*in_flight, *behind}])
        return sorted(found, key=lambda one: (-one.behind, -one.work, one.name))[:number]

    def find(self, names: Sequence[str]) -> list[Lane]:
        """Find these lanes, in this order. One of which nothing is known has nothing."""
        with self._redis.pipeline(transaction=True) as pipeline:
            for name in names:
                pipeline.zscore(keys.LANES, name)
                pipeline.zscore(keys.LANES_BEHIND, name)
                pipeline.ttl(keys.LANE_RELEASED + name)
            found = iter(pipeline.execute())
        return [
            Lane(name, int(work or 0), int(waiting or 0), max(0, seconds))
            for name, work, waiting, seconds in zip(names, found, found, found, strict=True)
        ]
