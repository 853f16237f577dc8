"""Demand → receive → judge → enqueue. An error in one message affects no other.

What Redis doesn't take is released (`enqueuer.py`); what can't be judged now is parked
(`lessons.py`); what isn't admitted by its lane goes to the overflow (`overflow.py`). The rest is
settled (`settling.py`).
"""

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

from redis.exceptions import RedisError

from bridge.breakers import OwnBreakers
from bridge.by_lane import ByLane, split_off
from bridge.dispositions import Cycle, Disposition
from bridge.enqueuer import Enqueuer
from bridge.given_back import GivenBack
from bridge.judge import Authenticate, Judge, Judgement, Seal
from bridge.ledger.acknowledgements import Acknowledgements
from bridge.ledger.confirmations import Confirmations
from bridge.ledger.dispatch import Dispatcher, Work
from bridge.ledger.reservations import Reservations
from bridge.lessons import Lessons
from bridge.messages import Handle, Message
from bridge.parking import Parking
from bridge.ports import Queue
from bridge.queue_changes import QueueChanges
from bridge.receive_spans import of_batch
from bridge.send_events import SendEvents
from bridge.settling import Settling
from bridge.sns.routing import SendConfirmed
from bridge.story_notes import StoryNotes
from bridge.totals import Totals
from bridge.visibility import Leases

logger = logging.getLogger(__name__)

_SPARE = 100
"""How many messages all bridges may have reserved beyond what may be in flight."""


@dataclass(frozen=True, slots=True)
class PollerOptions:
    """The poller's options: this bridge's id, how long a reservation lasts, and settings of the
    same names.
    """

    bridge: str
    max_in_flight: int
    reserve_seconds: float
    delete_failed_messages: bool
    confirm_subscriptions: bool
    send_event_keep_seconds: int = 60
    wait_seconds: float = 20.0


class Poller:
    """Receives messages from SQS and dispatches them to the workers.

    Without `by_lane` a message may be in flight if there is room, whoever's it is.
    """

    def __init__(
        self,
        *,
        queue: Queue,
        reservations: Reservations,
        has_room: Callable[[], bool],
        leases: Leases,
        acknowledgements: Acknowledgements,
        dispatcher: Dispatcher,
        confirmations: Confirmations,
        authenticate: Authenticate,
        seal: Seal,
        parking: Parking,
        breakers: OwnBreakers,
        totals: Totals,
        options: PollerOptions,
        stopping: Event,
        by_lane: ByLane | None = None,
        notes: StoryNotes | None = None,
    ) -> None:
        self._queue = queue
        self._by_lane = by_lane
        self._reservations = reservations
        self._has_room = has_room
        self._is_short_of_room = False
        self._has_received = False
        self._listened_seconds = 0.0
        self._changes = QueueChanges(queue, acknowledgements, totals)
        self._enqueuer = Enqueuer(dispatcher, leases, self._changes)
        self._send_events = SendEvents(queue, confirmations, options.send_event_keep_seconds)
        self._judge = Judge(
            queue,
            authenticate,
            seal,
            delete_failed_messages=options.delete_failed_messages,
            confirm_subscriptions=options.confirm_subscriptions,
            note=notes.note if notes else None,
            **({"name_lanes": by_lane.names.of} if by_lane else {}),
        )
        self._settling = Settling(
            *(self._changes, parking, totals, notes),
            delete_failed_messages=options.delete_failed_messages,
        )
        self._lessons = Lessons(
            *(parking, breakers, self._changes, notes),
            delete_failed_messages=options.delete_failed_messages,
        )
        self._parking = parking
        self._totals = totals
        self._options = options
        self._stopping = stopping

    @property
    def given_back(self) -> GivenBack:
        """What was given back to SQS."""
        return self._settling.given_back

    @property
    def calls(self) -> int:
        """How many calls the next receive should make at once."""
        return 1 if self._by_lane is None else self._by_lane.rush.calls

    def demand(self, wanted: int) -> int:
        """Reserve room in flight for up to `wanted` messages; returns for how many.

        None while Redis is nearly full. The reservation is also the proof that Redis takes writes.
        """
        if self._is_nearly_full():
            return 0
        at_most = self._options.max_in_flight
        if self._by_lane is not None:
            # What is in flight is limited at the dispatch; here, only what SQS does not delete.
            wanted, at_most = self._by_lane.limit(wanted), 2 * at_most + _SPARE
        if wanted == 0:
            return 0
        return self._reservations.reserve(
            wanted,
            bridge=self._options.bridge,
            at_most=at_most,
            now_ms=_now_ms(),
            seconds=self._options.reserve_seconds,
            has_received=self._has_received,
            listened_seconds=self._listened_seconds,
        )

    def retry(self, most_mails: int | None = None) -> int:
        """Dispatch messages that wait, as many as may be; returns how many wait no longer.

        Errors of Redis pass through; what waits goes on waiting.
        """
        if self._by_lane is None or (waiting := self._by_lane.overflow.waiting).is_empty:
            return 0
        self._by_lane.overflow.move_waiting()
        self._by_lane.overflow.look_behind.refill()
        room = self._by_lane.find_room()
        room = room if most_mails is None else min(room, most_mails)
        if room == 0 or self._stopping.is_set():
            return 0
        results, _ = self._enqueuer.enqueue(waiting.first(room), has_waited=True)
        waiting.drop([handle for handle, _ in results])
        self._settling.finish(results, Counter(), _now_ms())
        return len(results)

    def cycle(self, demand: int, most_mails: int | None = None) -> Cycle:
        """Receive up to `demand` messages and dispatch each, but no more than `most_mails` mails.

        Errors of Redis and of receiving pass through; the caller backs off.
        """
        self._send_events.tend()
        started, asked_ns = time.monotonic(), time.time_ns()
        self._has_received = False
        messages = self._receive(demand)
        received = time.monotonic()
        # A longer answer was late, and says nothing of what came meanwhile.
        self._listened_seconds = min(received - started, self._options.wait_seconds)
        self._totals.received += len(messages)
        if self._stopping.is_set():
            self._changes.release([message.handle for message in messages])
            messages = []
        dispositions = self._process(messages, most_mails, asked_ns)
        # Workers wait for SES's events, and these are in the main queue alone.
        self._has_received = self._by_lane is None or not self._by_lane.is_overflow
        return Cycle(
            *(len(messages), dispositions, received - started, time.monotonic() - received),
            is_outdated=self._lessons.is_outdated,
        )

    def close(self) -> None:
        """End what is under way in other threads."""
        if self._by_lane is not None:
            self._by_lane.close()

    def judge_parked(self) -> None:
        """Judge what is parked again, when it is due, and dispatch what can be told now.

        Errors of Redis pass through; what is parked stays so.
        """
        self._lessons.look()
        if not (due := self._parking.find_due()):
            return
        if (room := self.demand(len(due))) == 0 or self._stopping.is_set():
            return
        if dispositions := self._process(due[:room]):
            logger.info(
                "parked messages judged",
                extra={"message_count": dispositions.total(), "parked": len(self._parking)},
            )

    def _receive(self, demand: int) -> list[Message]:
        if self._by_lane is None:
            return self._queue.receive(demand)
        return self._by_lane.receive(self._queue, demand)

    def _is_nearly_full(self) -> bool:
        is_short = not self._has_room()
        if is_short and not self._is_short_of_room:
            logger.warning("redis is nearly full, not receiving")
        elif self._is_short_of_room and not is_short:
            logger.info("redis has room again")
        self._is_short_of_room = is_short
        return is_short

    def _process(
        self, messages: list[Message], most_mails: int | None = None, asked_ns: int = 0
    ) -> Counter[Disposition]:
        with of_batch(self._queue.queue_name, messages, asked_ns):
            judged = [(message, self._judge.judge(message)) for message in messages]
            undecided = self._lessons.learn(judged)
            results = self._results(judged, most_mails)
            self._settling.note_received(messages, results)
        return self._settling.finish(results, undecided, _now_ms())

    def _results(
        self, judged: list[tuple[Message, Judgement]], most_mails: int | None
    ) -> list[tuple[Handle, Disposition]]:
        """Enqueue what was judged; returns what became of all that is decided."""
        batch = [one for _, one in judged if isinstance(one, Work)]
        sends = [(message, one) for message, one in judged if isinstance(one, SendConfirmed)]
        try:
            self._send_events.confirm(sends)
        except RedisError:
            unfinished = [work.handle for work in batch] + [one.handle for one, _ in sends]
            self._changes.release(unfinished)
            raise
        results = [(one.handle, two) for one, two in judged if isinstance(two, Disposition)]
        results += [(one.handle, Disposition.SEND_CONFIRMED) for one, _ in sends]
        return results + self._enqueue(batch, most_mails)

    def _enqueue(
        self, batch: list[Work], most_mails: int | None
    ) -> list[tuple[Handle, Disposition]]:
        most_mails = len(batch) if most_mails is None else most_mails
        asked, refused = split_off(batch, most_mails)
        results, not_admitted = self._enqueuer.enqueue(asked)
        # Those that were dispatched before are told apart: a copy would run as a new message.
        known, refused = self._enqueuer.enqueue([work for work, _ in refused], may_admit=False)
        results += known
        refused += not_admitted
        if self._by_lane is not None and refused:
            results += self._by_lane.put(refused)
        return results


def _now_ms() -> int:
    return int(time.time() * 1000)
