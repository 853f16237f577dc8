"""Messages that this bridge received and can't decide about now. They stay hidden in SQS.

*Parked* messages wait for SNS's certificate host. They are judged again every two seconds, without
being received again; there are at most as many as the bridge has room for.

*Suspects* failed in a way that a setting of ours may have caused, or somebody who can write to the
queue; only other messages can tell. If one passes, the fault is theirs, and they go the way of all
rejected messages. If many fail alike and none passes, the fault is ours, and they are kept hidden
from then on. Judging them again would change nothing, so only their handles are kept. What was sent
before a message that passed is no suspect: all was well since, and the fault is its own.

    poller thread      everything but the following
    heartbeat thread   `keep_hidden`
    main thread        `release_all`, when the poller has ended

The lock is held while SQS is asked, so that what is released is not hidden again.
"""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from bridge import hidden
from bridge.breakers import Blame
from bridge.dispositions import Disposition
from bridge.messages import Handle, Message
from bridge.ports import Queue

logger = logging.getLogger(__name__)

MOST_PARKED = 100
_PROBE_SECONDS = 2.0

MANY_SUSPECTS, SUSPECT_SECONDS = 20, 10.0
"""So many messages must have failed alike, the first so long ago, and none have passed since."""

MOST_SUSPECTS = 1_000
"""At one message every five seconds, as many as come in 83 minutes. Beyond, the oldest are no
longer kept hidden."""


@dataclass(frozen=True, slots=True)
class _Kept:
    handle: Handle
    since: float
    sent_at_ms: int
    message: Message | None = None


@dataclass(slots=True)
class _Streak:
    """Messages that failed alike, by id, since the last one that passed."""

    since: float
    kept: dict[str, _Kept] = field(default_factory=dict)


class Parking:
    """The parked messages and the suspects of one bridge."""

    def __init__(
        self,
        queue: Queue,
        *,
        visibility_seconds: int,
        places: int = MOST_PARKED,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._visibility_seconds = visibility_seconds
        self._places = min(places, MOST_PARKED)
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._parked: dict[str, _Kept] = {}
        self._streaks: dict[Blame, _Streak] = {}
        self._passed_sent_at_ms = 0
        self._probe_at = float("-inf")

    def __len__(self) -> int:
        return len(self._parked)

    @property
    def free(self) -> int:
        """How many messages more may be parked."""
        return max(0, self._places - len(self._parked))

    def has(self, message: Message) -> bool:
        """Whether this delivery of the message is parked."""
        known = self._parked.get(message.message_id)
        return known is not None and known.handle == message.handle

    def park(self, message: Message, code: str) -> Disposition:
        """Park a message that was received, unless there is no place; `code` says why."""
        with self._lock:
            is_parked = message.message_id in self._parked or self.free > 0
            if is_parked:
                kept = _Kept(message.handle, self._monotonic(), message.sent_at_ms, message)
                self._parked[message.message_id] = kept
        logger.info(
            "message parked" if is_parked else "message deferred",
            extra={
                "sqs_message_id": message.message_id,
                "reason": "certificate_unavailable",
                "detail": code,
            },
        )
        return Disposition.PARKED if is_parked else Disposition.DEFERRED

    def find_due(self) -> list[Message]:
        """Return all parked messages, if it is time to judge them again."""
        now = self._monotonic()
        if now < self._probe_at or not self._parked:
            return []
        self._probe_at = now + _PROBE_SECONDS
        with self._lock:
            return [one.message for one in self._parked.values() if one.message is not None]

    def drop(self, handles: Iterable[Handle]) -> None:
        """Park these no longer: it is known what to do with them."""
        with self._lock:
            hidden.drop(self._parked, handles)

    @property
    def is_full_of_suspects(self) -> bool:
        """Whether a further suspect is kept hidden in the place of another one."""
        return sum(len(streak.kept) for streak in self._streaks.values()) >= MOST_SUSPECTS

    def suspect(self, message: Message, blame: Blame) -> bool:
        """Note a message that failed in this way; returns whether it is a suspect."""
        with self._lock:
            if message.sent_at_ms < self._passed_sent_at_ms:
                return False
            now = self._monotonic()
            kept = self._streaks.setdefault(blame, _Streak(now)).kept
            kept[message.message_id] = _Kept(message.handle, now, message.sent_at_ms)
            if len(kept) > MOST_SUSPECTS:
                del kept[next(iter(kept))]
            return True

    def find_blame(self) -> Blame | None:
        """Return what is at fault, if so many messages failed alike that it can't be theirs."""
        before = self._monotonic() - SUSPECT_SECONDS
        for blame, streak in self._streaks.items():
            if len(streak.kept) >= MANY_SUSPECTS and streak.since <= before:
                return blame
        return None

    def find_oldest_ms(self) -> int | None:
        """Find when the oldest message was sent that is parked, or suspected and kept (ms)."""
        with self._lock:
            kept = list(self._parked.values())
            if self.find_blame() is not None:
                kept += [one for streak in self._streaks.values() for one in streak.kept.values()]
            return min((one.sent_at_ms for one in kept), default=None)

    def clear_suspects(self, passed_sent_at_ms: int = 0) -> dict[Blame, list[Handle]]:
        """Suspect nothing any more; returns what was suspected of what.

        `passed_sent_at_ms`: when the message was sent that has passed.
        """
        with self._lock:
            self._passed_sent_at_ms = max(self._passed_sent_at_ms, passed_sent_at_ms)
            streaks, self._streaks = self._streaks, {}
            return {
                blame: [one.handle for one in streak.kept.values()]
                for blame, streak in streaks.items()
            }

    def keep_hidden(self) -> None:
        """Extend the visibility of what is kept, and let go what SQS would not hide much longer.

        Errors of SQS pass through; the next heartbeat tries again.
        """
        with self._lock:
            groups = [self._parked]
            if self.find_blame() is not None:
                groups += [streak.kept for streak in self._streaks.values()]
            now = self._monotonic()
            for group in groups:
                hidden.extend(self._queue, group, self._visibility_seconds, now)

    def release_all(self) -> None:
        """Let other bridges have everything, at once. What fails is visible again soon."""
        suspects = self.clear_suspects()
        with self._lock:
            handles = [one.handle for one in self._parked.values()]
            handles += itertools.chain.from_iterable(suspects.values())
            self._parked.clear()
            hidden.release(self._queue, handles)
