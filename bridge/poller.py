"""Demand → receive → judge → dispatch. An error in one message affects no other.

Only Redis fails several at once: what it didn't take, because it is away or full, is released at
once, for SQS to deliver again. What can't be judged now is parked (`parking.py`).
"""

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import assert_never

import markus
from redis.exceptions import RedisError

from bridge.breakers import BLAMES, OwnBreakers
from bridge.dispositions import NEEDS_NOTHING_MORE, Cycle, Disposition
from bridge.judge import Authenticate, Judge, Judgement, Suspect, Undecided, has_passed
from bridge.ledger.acknowledgements import ENDED_BEFORE, Acknowledgement, Acknowledgements
from bridge.ledger.confirmations import Confirmations
from bridge.ledger.dispatch import Dispatched, Dispatcher, Work
from bridge.ledger.reservations import Reservations
from bridge.messages import Handle, Message
from bridge.parking import Parking
from bridge.ports import Queue, QueueUnavailable, QueueUnusable
from bridge.send_events import SendEvents
from bridge.sns.routing import SendConfirmed
from bridge.totals import Totals
from bridge.visibility import Leases, longest_seconds
from runtime.redis_client import refuses_for_now

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
        self._leases = leases
        self._acknowledgements = acknowledgements
        self._dispatcher = dispatcher
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
            self._change_visibility([message.handle for message in messages], 0)
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
        self._delete(to_delete)
        self._change_visibility(to_hide, longest_seconds(_now_ms(), _now_ms()))
        self._totals.count(dispositions)
        for result, number in dispositions.items():
            metrics.incr("taken", number, tags=[f"result:{result}"])
        return dispositions

    def _results(
        self, messages: list[Message], undecided: Counter[Disposition]
    ) -> list[tuple[Handle, Disposition]]:
        """Judge and dispatch messages. What is not decided yet is only counted."""
        judged = [(message, self._judge.judge(message)) for message in messages]
        self._set_aside(judged, undecided)
        self._learn([judgement for _, judgement in judged])
        batch = [one for _, one in judged if isinstance(one, Work)]
        sends = [(message, one) for message, one in judged if isinstance(one, SendConfirmed)]
        try:
            self._send_events.confirm(sends)
        except RedisError:
            unfinished = [work.handle for work in batch] + [one.handle for one, _ in sends]
            self._change_visibility(unfinished, 0)
            raise
        results = [(one.handle, two) for one, two in judged if isinstance(two, Disposition)]
        results += [(one.handle, Disposition.SEND_CONFIRMED) for one, _ in sends]
        return results + self._dispatch(batch)

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
                    self._change_visibility(handles, 0)
            elif self._options.delete_failed_messages:
                for blame in BLAMES.values():
                    self._delete(suspects.get(blame, []))
            return
        codes = [one.code for one in judgements if isinstance(one, Undecided)]
        if codes:
            self._breakers.failed(codes[0])

    def _may_delete(self, result: Disposition) -> bool:
        if result in NEEDS_NOTHING_MORE:
            return True
        is_failure = result in (Disposition.REJECTED, Disposition.ALREADY_FAILED)
        return is_failure and self._options.delete_failed_messages

    def _dispatch(self, batch: list[Work]) -> list[tuple[Handle, Disposition]]:
        """Dispatch messages. If Redis takes none, release them all."""
        handles = [work.handle for work in batch]
        try:
            dispatched = self._dispatcher.dispatch(batch, _now_ms())
        except RedisError:
            self._change_visibility(handles, 0)
            raise
        # Redis may get full in mid-batch. The rest must not wait for its visibility timeout.
        refused = [
            handle for handle, one in zip(handles, dispatched, strict=True) if _is_refused(one)
        ]
        self._change_visibility(refused, 0)
        return [
            (handle, self._dispatched(handle, one))
            for handle, one in zip(handles, dispatched, strict=True)
        ]

    def _dispatched(self, handle: Handle, dispatched: Dispatched | RedisError) -> Disposition:
        fields: dict[str, object] = {"sqs_message_id": handle.message_id}
        match dispatched:
            case RedisError():
                fields |= {"error_type": type(dispatched).__name__}
                if _is_refused(dispatched):
                    logger.warning("message refused by redis", extra=fields)
                    return Disposition.REFUSED
                logger.error("message could not be handed on", extra=fields)
                return Disposition.ERROR
            case Dispatched.DONE:
                logger.info("message already done", extra=fields)
                return Disposition.ALREADY_DONE
            case Dispatched.FAILED:
                logger.info("message already failed", extra=fields)
                return Disposition.ALREADY_FAILED
            case Dispatched.IN_FLIGHT | Dispatched.ENQUEUED:
                # Only after enqueueing: a leased message is kept hidden, and one that was not
                # enqueued must be redelivered.
                self._leases.add(handle)
                was_new = dispatched is Dispatched.ENQUEUED
                return Disposition.ENQUEUED if was_new else Disposition.ALREADY_IN_FLIGHT
            case _:
                assert_never(dispatched)

    def _delete(self, handles: list[Handle]) -> None:
        """Delete messages. What SQS would not delete now, the deleter tries again."""
        if not handles:
            return
        try:
            failed = [entry.handle for entry in self._queue.delete(handles) if entry.may_retry]
        except (QueueUnavailable, QueueUnusable) as error:
            logger.warning("messages not deleted", extra={"client_error_code": error.code})
            failed = handles
        self._totals.deleted += len(handles) - len(failed)
        ended = [Acknowledgement(one, _now_ms(), True, ENDED_BEFORE) for one in failed]
        self._acknowledgements.give_back(self._queue.queue_name, ended)

    def _change_visibility(self, handles: list[Handle], seconds: int) -> None:
        """Hide or release messages. If that fails, they return after their visibility timeout."""
        if not handles:
            return
        try:
            self._queue.change_visibility(handles, seconds)
        except (QueueUnavailable, QueueUnusable) as error:
            logger.warning(
                "messages not shown again" if seconds == 0 else "messages not hidden",
                extra={"client_error_code": error.code},
            )


def _is_refused(dispatched: Dispatched | RedisError) -> bool:
    return isinstance(dispatched, RedisError) and refuses_for_now(dispatched)


def _now_ms() -> int:
    return int(time.time() * 1000)
