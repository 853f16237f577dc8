"""Demand → receive → judge → enqueue. An error in one message affects no other.

What Redis doesn't take is released (`enqueuer.py`); what can't be judged now is parked
(`parking.py`).
"""

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

import markus
from redis.exceptions import RedisError

from bridge.breakers import BLAMES, OwnBreakers
from bridge.dispositions import NEEDS_NOTHING_MORE, Cycle, Disposition
from bridge.enqueuer import Enqueuer
from bridge.judge import Authenticate, Judge, Judgement, Suspect, Undecided, has_passed
from bridge.ledger.acknowledgements import Acknowledgements
from bridge.ledger.confirmations import Confirmations
from bridge.ledger.dispatch import Dispatcher, Work
from bridge.ledger.reservations import Reservations
from bridge.messages import Handle, Message
from bridge.parking import Parking
from bridge.ports import Queue
from bridge.queue_changes import QueueChanges
from bridge.send_events import SendEvents
from bridge.sns.routing import SendConfirmed
from bridge.totals import Totals
from bridge.visibility import Leases, longest_seconds

logger = logging.getLogger(__name__)
metrics = markus.get_metrics("bridge")


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


class Poller:
    """Receives messages from SQS and dispatches them to the workers."""

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
        parking: Parking,
        breakers: OwnBreakers,
        totals: Totals,
        options: PollerOptions,
        stopping: Event,
    ) -> None:
        self._queue = queue
        self._reservations = reservations
        self._has_room = has_room
        self._is_short_of_room = False
        self._changes = QueueChanges(queue, acknowledgements, totals)
        self._enqueuer = Enqueuer(dispatcher, leases, self._changes)
        self._send_events = SendEvents(queue, confirmations, options.send_event_keep_seconds)
        self._judge = Judge(
            queue,
            authenticate,
            delete_failed_messages=options.delete_failed_messages,
            confirm_subscriptions=options.confirm_subscriptions,
        )
        self._parking = parking
        self._breakers = breakers
        self._totals = totals
        self._options = options
        self._stopping = stopping

    def demand(self, wanted: int) -> int:
        """Reserve room in flight for up to `wanted` messages; returns for how many.

        None while Redis is nearly full. The reservation is also the proof that Redis takes writes.
        """
        if self._is_nearly_full():
            return 0
        return self._reservations.reserve(
            wanted,
            bridge=self._options.bridge,
            at_most=self._options.max_in_flight,
            now_ms=_now_ms(),
            seconds=self._options.reserve_seconds,
        )

    def cycle(self, demand: int) -> Cycle:
        """Receive up to `demand` messages and dispatch each.

        Errors of Redis and of receiving pass through; the caller backs off.
        """
        self._send_events.tend()
        started = time.monotonic()
        messages = self._queue.receive(demand)
        received = time.monotonic()
        self._totals.received += len(messages)
        if self._stopping.is_set():
            self._changes.release([message.handle for message in messages])
            messages = []
        dispositions = self._process(messages)
        return Cycle(len(messages), dispositions, received - started, time.monotonic() - received)

    def judge_parked(self) -> None:
        """Judge what is parked again, when it is due, and dispatch what can be told now.

        Errors of Redis pass through; what is parked stays so.
        """
        if (blame := self._parking.find_blame()) is not None:
            self._breakers.open(blame)
        self._breakers.report()
        if not (due := self._parking.find_due()):
            return
        if (room := self.demand(len(due))) == 0 or self._stopping.is_set():
            return
        if dispositions := self._process(due[:room]):
            logger.info(
                "parked messages judged",
                extra={"message_count": dispositions.total(), "parked": len(self._parking)},
            )

    def _is_nearly_full(self) -> bool:
        is_short = not self._has_room()
        if is_short and not self._is_short_of_room:
            logger.warning("redis is nearly full, not receiving")
        elif self._is_short_of_room and not is_short:
            logger.info("redis has room again")
        self._is_short_of_room = is_short
        return is_short

    def _process(self, messages: list[Message]) -> Counter[Disposition]:
        dispositions: Counter[Disposition] = Counter()
        to_delete: list[Handle] = []
        to_hide: list[Handle] = []
        for handle, result in self._results(messages, dispositions):
            dispositions[result] += 1
            if self._may_delete(result):
                to_delete.append(handle)
            elif result is Disposition.ALREADY_FAILED:
                to_hide.append(handle)
        self._changes.delete(to_delete)
        self._changes.hide(to_hide, longest_seconds(_now_ms(), _now_ms()))
        self._totals.count(dispositions)
        for result, number in dispositions.items():
            metrics.incr("taken", number, tags=[f"result:{result}"])
        return dispositions

    def _results(
        self, messages: list[Message], undecided: Counter[Disposition]
    ) -> list[tuple[Handle, Disposition]]:
        """Judge and enqueue messages. What is not decided yet is only counted."""
        judged = [(message, self._judge.judge(message)) for message in messages]
        self._set_aside(judged, undecided)
        self._learn([judgement for _, judgement in judged])
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
        return results + self._enqueuer.enqueue(batch)

    def _set_aside(
        self, judged: list[tuple[Message, Judgement]], counted: Counter[Disposition]
    ) -> None:
        decided = [message.handle for message, one in judged if not isinstance(one, Undecided)]
        self._parking.drop(decided)
        for message, one in judged:
            match one:
                case Undecided(code) if not self._parking.has(message):
                    counted[self._parking.park(message, code)] += 1
                case Suspect(blame, disposition):
                    self._parking.suspect(message.handle, blame)
                    counted[disposition] += 1

    def _learn(self, judgements: list[Judgement]) -> None:
        """Tell the breakers what a batch shows about settings and certificates."""
        if any(map(has_passed, judgements)):
            suspects = self._parking.clear_suspects()
            if self._breakers.worked():
                for handles in suspects.values():
                    self._changes.release(handles)
            elif self._options.delete_failed_messages:
                for blame in BLAMES.values():
                    self._changes.delete(suspects.get(blame, []))
            return
        codes = [one.code for one in judgements if isinstance(one, Undecided)]
        if codes:
            self._breakers.failed(codes[0])

    def _may_delete(self, result: Disposition) -> bool:
        if result in NEEDS_NOTHING_MORE:
            return True
        is_failure = result in (Disposition.REJECTED, Disposition.ALREADY_FAILED)
        return is_failure and self._options.delete_failed_messages


def _now_ms() -> int:
    return int(time.time() * 1000)
