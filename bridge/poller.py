"""Demand → receive → verify → register → enqueue. One message's error ends with that message.

Only Redis being down ends a whole batch: nothing can be handed on then, and what was received is
shown again at once.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from threading import Event

import dramatiq
import markus
from redis.exceptions import RedisError

from bridge import sns
from bridge.certificates import CertificateUnavailable
from bridge.inbox import Handle, Inbox, InboxUnavailable, InboxUnusable, Message
from bridge.inflight import InFlight, Registration
from bridge.totals import Totals
from bridge.visibility import Held
from emails import wire

logger = logging.getLogger(__name__)
metrics = markus.get_metrics("bridge")


Authenticate = Callable[[str], sns.Envelope]
"""From a message's body to a verified envelope. Raises `sns.Rejected` for what may not come in,
`CertificateUnavailable` for what can't be judged now."""


class Taken(StrEnum):
    """What became of a received message; the words are those of the log and the metric."""

    ENQUEUED = "enqueued"
    ALREADY_IN_FLIGHT = "already_in_flight"
    ALREADY_DONE = "already_done"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    DEFERRED = "deferred"
    ERROR = "error"


FAILURES = frozenset({Taken.REJECTED, Taken.DEFERRED, Taken.ERROR})


@dataclass(frozen=True, slots=True)
class Cycle:
    """One cycle of the poller: how many messages it received, what became of them, how long."""

    received: int
    taken: Counter[Taken]
    poll_seconds: float
    process_seconds: float

    @property
    def failed(self) -> int:
        """How many messages could not be handed on."""
        return sum(self.taken[failure] for failure in FAILURES)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator has decided about the poller; see the settings of the same names."""

    bridge: str
    batch_size: int
    max_in_flight: int
    reserve_seconds: float
    delete_failed_messages: bool
    confirm_subscriptions: bool
    is_second_chance: bool = False


class Poller:
    """Takes messages from SQS and hands them to the workers."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        in_flight: InFlight,
        held: Held,
        broker: dramatiq.Broker,
        authenticate: Authenticate,
        totals: Totals,
        rules: Rules,
        stopping: Event,
    ) -> None:
        self._inbox = inbox
        self._in_flight = in_flight
        self._held = held
        self._broker = broker
        self._authenticate = authenticate
        self._totals = totals
        self._rules = rules
        self._stopping = stopping
        self._given_second_chances: set[str] = set()

    def demand(self) -> int:
        """Say how many messages are wanted now, and reserve room in flight for them."""
        return self._in_flight.reserve(
            self._rules.batch_size,
            bridge=self._rules.bridge,
            at_most=self._rules.max_in_flight,
            now_ms=_now_ms(),
            seconds=self._rules.reserve_seconds,
        )

    def cycle(self, demand: int) -> Cycle:
        """Receive up to `demand` messages and hand each on.

        Errors of Redis and errors of receiving pass through; the caller waits before the next.
        """
        started = time.monotonic()
        messages = self._inbox.receive(demand)
        received = time.monotonic()
        self._totals.received += len(messages)
        if self._stopping.is_set():
            self._show(messages)
            messages = []
        taken = self._take_all(messages)
        return Cycle(len(messages), taken, received - started, time.monotonic() - received)

    def _take_all(self, messages: list[Message]) -> Counter[Taken]:
        taken: Counter[Taken] = Counter()
        to_delete: list[Handle] = []
        for position, message in enumerate(messages):
            try:
                result = self._take(message)
            except RedisError:
                self._show(messages[position:])
                raise
            taken[result] += 1
            if self._may_delete(result):
                to_delete.append(_handle(message))
        self._delete(to_delete)
        self._totals.enqueued += taken[Taken.ENQUEUED]
        self._totals.rejected += taken[Taken.REJECTED]
        self._totals.deferred += taken[Taken.DEFERRED] + taken[Taken.ERROR]
        for result, number in taken.items():
            metrics.incr("taken", number, tags=[f"result:{result}"])
        return taken

    def _may_delete(self, result: Taken) -> bool:
        if result in (Taken.ALREADY_DONE, Taken.CONFIRMED):
            return True
        return result is Taken.REJECTED and self._rules.delete_failed_messages

    def _take(self, message: Message) -> Taken:
        """Hand one message on. Whatever is wrong with it, only errors of Redis leave here."""
        fields: dict[str, object] = {"sqs_message_id": message.message_id}
        try:
            return self._hand_on(message, self._authenticate(message.body))
        except RedisError:
            raise
        except sns.Rejected as rejected:
            metrics.incr("rejected", tags=[f"reason:{rejected.reason}"])
            fields |= {"reason": rejected.reason, "detail": rejected.detail}
            fields |= {
                "deleted": self._rules.delete_failed_messages,
                "receive_count": message.receive_count,
            }
            logger.warning("message rejected", extra=fields)
            return Taken.REJECTED
        except CertificateUnavailable as error:
            logger.warning(
                "message deferred",
                extra=fields | {"reason": "certificate_unavailable", "detail": str(error)},
            )
            return Taken.DEFERRED
        except Exception as error:
            logger.exception(
                "message could not be handed on",
                extra=fields | {"error_type": type(error).__name__},
            )
            return Taken.ERROR

    def _hand_on(self, message: Message, envelope: sns.Envelope) -> Taken:
        if self._may_confirm(envelope):
            self._inbox.confirm_subscription(envelope.topic_arn, envelope.token or "")
            logger.info("subscription confirmed", extra={"sqs_message_id": message.message_id})
            return Taken.CONFIRMED
        actor_queue = sns.actor_queue(envelope)
        handle = _handle(message)
        registration = self._in_flight.register(
            handle,
            bridge=self._rules.bridge,
            queue=self._inbox.queue_name,
            now_ms=_now_ms(),
        )
        if registration is Registration.DONE:
            logger.info("message already done", extra={"sqs_message_id": message.message_id})
            return Taken.ALREADY_DONE
        if registration is Registration.IN_FLIGHT:
            self._held.add(handle)
            return Taken.ALREADY_IN_FLIGHT
        self._give_second_chance(message.message_id)
        copy = self._broker.enqueue(_dramatiq_message(message, envelope, actor_queue))
        self._in_flight.note_enqueued(
            message.message_id, copy=copy.options["redis_message_id"], queue=copy.queue_name
        )
        # Not sooner: what is held stays hidden, and a message that was not enqueued must come back.
        self._held.add(handle)
        return Taken.ENQUEUED

    def _give_second_chance(self, message_id: str) -> None:
        """Forget how often the message killed its worker: an operator says that it may run.

        But only once: it may do so again.
        """
        if self._rules.is_second_chance and message_id not in self._given_second_chances:
            self._in_flight.forget_starts(message_id)
            self._given_second_chances.add(message_id)

    def _may_confirm(self, envelope: sns.Envelope) -> bool:
        return (
            self._rules.confirm_subscriptions
            and envelope.type is sns.EnvelopeType.SUBSCRIPTION_CONFIRMATION
        )

    def _delete(self, handles: list[Handle]) -> None:
        """Delete messages, if SQS lets us: what stays is delivered again and meets the same end."""
        if not handles:
            return
        try:
            failed = self._inbox.delete(handles)
        except (InboxUnavailable, InboxUnusable) as error:
            logger.warning("messages not deleted", extra={"client_error_code": error.code})
            return
        self._totals.deleted += len(handles) - len(failed)

    def _show(self, messages: list[Message]) -> None:
        """Give received messages back to SQS at once, if it lets us; it takes them back anyway."""
        if not messages:
            return
        try:
            self._inbox.hide([_handle(message) for message in messages], 0)
        except (InboxUnavailable, InboxUnusable) as error:
            logger.warning("messages not shown again", extra={"client_error_code": error.code})


def _handle(message: Message) -> Handle:
    return Handle(message.message_id, message.receipt_handle)


def _dramatiq_message(
    message: Message, envelope: sns.Envelope, actor_queue: str
) -> dramatiq.Message[None]:
    return dramatiq.Message(
        queue_name=actor_queue,
        actor_name=wire.ACTOR_NAME,
        args=(),
        kwargs=wire.payload(sns_message_id=envelope.message_id, notification=envelope.message),
        options={wire.SQS_MESSAGE_ID: message.message_id, "sent_at_ms": message.sent_at_ms},
        # One name for it in all logs, Dramatiq's own among them.
        message_id=message.message_id,
    )


def _now_ms() -> int:
    return int(time.time() * 1000)
