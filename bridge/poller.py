"""Demand → receive → verify → dispatch. An error in one message affects no other.

Only Redis fails several at once: what it didn't take, because it is away or full, is released at
once, for SQS to deliver again.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import assert_never

import dramatiq
import markus
from redis.exceptions import RedisError

from bridge.dispositions import NEEDS_NOTHING_MORE, Cycle, Disposition
from bridge.ledger.acknowledgements import ENDED_BEFORE, Acknowledgement, Acknowledgements
from bridge.ledger.confirmations import Confirmations
from bridge.ledger.dispatch import Dispatched, Dispatcher, Work
from bridge.ledger.reservations import Reservations
from bridge.messages import Handle, Message
from bridge.ports import Queue, QueueUnavailable, QueueUnusable
from bridge.send_events import SendEvents
from bridge.sns.certificates import CertificateUnavailable
from bridge.sns.envelope import Envelope, EnvelopeType
from bridge.sns.reject_reasons import Rejected
from bridge.sns.routing import REJECT, ForWorkers, SendConfirmed, Unneeded, route_of
from bridge.totals import Totals
from bridge.visibility import Leases, longest_seconds
from emails import wire
from runtime.redis_client import refuses_for_now

logger = logging.getLogger(__name__)
metrics = markus.get_metrics("bridge")


Authenticate = Callable[[str], Envelope]
"""From a message's body to a verified envelope. Raises `Rejected` for a message that must
not come in, `CertificateUnavailable` if that can't be decided now."""


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
        self._send_events = SendEvents(queue, confirmations)
        self._authenticate = authenticate
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
            self._change_visibility([_handle(message) for message in messages], 0)
            messages = []
        dispositions = self._process(messages)
        return Cycle(len(messages), dispositions, received - started, time.monotonic() - received)

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
        for handle, result in self._results(messages):
            dispositions[result] += 1
            if self._may_delete(result):
                to_delete.append(handle)
            elif result is Disposition.ALREADY_FAILED:
                to_hide.append(handle)
        self._delete(to_delete)
        self._change_visibility(to_hide, longest_seconds(_now_ms(), _now_ms()))
        self._totals.enqueued += dispositions[Disposition.ENQUEUED]
        self._totals.rejected += dispositions[Disposition.REJECTED]
        self._totals.deferred += sum(
            dispositions[one]
            for one in (Disposition.DEFERRED, Disposition.REFUSED, Disposition.ERROR)
        )
        for result, number in dispositions.items():
            metrics.incr("taken", number, tags=[f"result:{result}"])
        return dispositions

    def _results(self, messages: list[Message]) -> list[tuple[Handle, Disposition]]:
        results: list[tuple[Handle, Disposition]] = []
        batch: list[Work] = []
        sends: list[tuple[Message, SendConfirmed]] = []
        for message in messages:
            judged = self._judge(message)
            match judged:
                case Work():
                    batch.append(judged)
                case SendConfirmed():
                    sends.append((message, judged))
                case Disposition():
                    results.append((_handle(message), judged))
        try:
            self._send_events.confirm(sends)
        except RedisError:
            unfinished = [work.handle for work in batch] + [_handle(one) for one, _ in sends]
            self._change_visibility(unfinished, 0)
            raise
        results += [(_handle(one), Disposition.SEND_CONFIRMED) for one, _ in sends]
        return results + self._dispatch(batch)

    def _may_delete(self, result: Disposition) -> bool:
        if result in NEEDS_NOTHING_MORE:
            return True
        is_failure = result in (Disposition.REJECTED, Disposition.ALREADY_FAILED)
        return is_failure and self._options.delete_failed_messages

    def _judge(self, message: Message) -> Work | SendConfirmed | Disposition:
        """Verify a message, and say what it is. Never raises."""
        fields: dict[str, object] = {"sqs_message_id": message.message_id}
        try:
            return self._prepare(message, self._authenticate(message.body))
        except Rejected as rejected:
            metrics.incr("rejected", tags=[f"reason:{rejected.reason}"])
            fields |= {"reason": rejected.reason, "detail": rejected.detail}
            fields |= {
                "deleted": self._options.delete_failed_messages,
                "receive_count": message.receive_count,
            }
            logger.warning("message rejected", extra=fields)
            return Disposition.REJECTED
        except CertificateUnavailable as error:
            logger.warning(
                "message deferred",
                extra=fields | {"reason": "certificate_unavailable", "detail": str(error)},
            )
            return Disposition.DEFERRED
        except Exception as error:
            logger.exception(
                "message could not be handed on",
                extra=fields | {"error_type": type(error).__name__},
            )
            return Disposition.ERROR

    def _prepare(self, message: Message, envelope: Envelope) -> Work | SendConfirmed | Disposition:
        if (token := self._token_to_confirm(envelope)) is not None:
            self._queue.confirm_subscription(envelope.topic_arn, token)
            logger.info("subscription confirmed", extra={"sqs_message_id": message.message_id})
            return Disposition.CONFIRMED
        route = route_of(envelope)
        match route:
            case ForWorkers(queue):
                return Work(_handle(message), _work(message, envelope, queue))
            case SendConfirmed():
                return route
            case Unneeded():
                _note_unneeded(message, route)
                return Disposition.UNNEEDED
            case _:
                assert_never(route)

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

    def _token_to_confirm(self, envelope: Envelope) -> str | None:
        asks = envelope.type is EnvelopeType.SUBSCRIPTION_CONFIRMATION
        return envelope.token if asks and self._options.confirm_subscriptions else None

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


def _handle(message: Message) -> Handle:
    return Handle(message.message_id, message.receipt_handle)


def _note_unneeded(message: Message, event: Unneeded) -> None:
    metrics.incr("unneeded", tags=[f"event:{event.event}"])
    if event.event == REJECT:
        # SES found a virus in a mail that it had accepted from us: the owner doesn't get it.
        logger.warning(
            "ses rejected a mail that it had accepted",
            extra={"sqs_message_id": message.message_id, "ses_message_id": event.ses_id},
        )


def _work(message: Message, envelope: Envelope, queue: str) -> dramatiq.Message[None]:
    return dramatiq.Message(
        queue_name=queue,
        actor_name=wire.ACTOR_NAME,
        args=(),
        kwargs=wire.payload(sns_message_id=envelope.message_id, notification=envelope.message),
        options={wire.SQS_MESSAGE_ID: message.message_id, "sent_at_ms": message.sent_at_ms},
        # The same id in all logs, Dramatiq's own included.
        message_id=message.message_id,
    )


def _now_ms() -> int:
    return int(time.time() * 1000)
