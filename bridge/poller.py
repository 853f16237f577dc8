"""Demand → receive → verify → hand on. One message's error ends with that message.

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
from typing import assert_never

import dramatiq
import markus
from redis.exceptions import RedisError

from bridge import sns
from bridge.certificates import CertificateUnavailable
from bridge.handover import Handed, Handover, Parcel
from bridge.inbox import Handle, Inbox, InboxUnavailable, InboxUnusable, Message
from bridge.inflight import InFlight
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


class Poller:
    """Takes messages from SQS and hands them to the workers."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        in_flight: InFlight,
        held: Held,
        handover: Handover,
        authenticate: Authenticate,
        totals: Totals,
        rules: Rules,
        stopping: Event,
    ) -> None:
        self._inbox = inbox
        self._in_flight = in_flight
        self._held = held
        self._handover = handover
        self._authenticate = authenticate
        self._totals = totals
        self._rules = rules
        self._stopping = stopping

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
            self._show([_handle(message) for message in messages])
            messages = []
        taken = self._take_all(messages)
        return Cycle(len(messages), taken, received - started, time.monotonic() - received)

    def _take_all(self, messages: list[Message]) -> Counter[Taken]:
        taken: Counter[Taken] = Counter()
        to_delete: list[Handle] = []
        for handle, result in self._results(messages):
            taken[result] += 1
            if self._may_delete(result):
                to_delete.append(handle)
        self._delete(to_delete)
        self._totals.enqueued += taken[Taken.ENQUEUED]
        self._totals.rejected += taken[Taken.REJECTED]
        self._totals.deferred += taken[Taken.DEFERRED] + taken[Taken.ERROR]
        for result, number in taken.items():
            metrics.incr("taken", number, tags=[f"result:{result}"])
        return taken

    def _results(self, messages: list[Message]) -> list[tuple[Handle, Taken]]:
        results: list[tuple[Handle, Taken]] = []
        parcels: list[Parcel] = []
        for message in messages:
            judged = self._judge(message)
            if isinstance(judged, Parcel):
                parcels.append(judged)
            else:
                results.append((_handle(message), judged))
        return results + self._hand_on(parcels)

    def _may_delete(self, result: Taken) -> bool:
        if result in (Taken.ALREADY_DONE, Taken.CONFIRMED):
            return True
        return result is Taken.REJECTED and self._rules.delete_failed_messages

    def _judge(self, message: Message) -> Parcel | Taken:
        """Make a message ready to be handed on. Whatever is wrong with it, no error leaves here."""
        fields: dict[str, object] = {"sqs_message_id": message.message_id}
        try:
            return self._ready(message, self._authenticate(message.body))
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

    def _ready(self, message: Message, envelope: sns.Envelope) -> Parcel | Taken:
        if self._may_confirm(envelope):
            self._inbox.confirm_subscription(envelope.topic_arn, envelope.token or "")
            logger.info("subscription confirmed", extra={"sqs_message_id": message.message_id})
            return Taken.CONFIRMED
        return Parcel(_handle(message), _work(message, envelope))

    def _hand_on(self, parcels: list[Parcel]) -> list[tuple[Handle, Taken]]:
        """Hand messages on. What Redis takes none of is shown again at once."""
        handles = [parcel.handle for parcel in parcels]
        try:
            handed = self._handover.hand_on(parcels, _now_ms())
        except RedisError:
            self._show(handles)
            raise
        return [
            (handle, self._handed(handle, one)) for handle, one in zip(handles, handed, strict=True)
        ]

    def _handed(self, handle: Handle, handed: Handed | RedisError) -> Taken:
        fields: dict[str, object] = {"sqs_message_id": handle.message_id}
        match handed:
            case RedisError():
                logger.error(
                    "message could not be handed on",
                    extra=fields | {"error_type": type(handed).__name__},
                )
                return Taken.ERROR
            case Handed.DONE:
                logger.info("message already done", extra=fields)
                return Taken.ALREADY_DONE
            case Handed.IN_FLIGHT | Handed.ENQUEUED:
                # Not sooner: what is held stays hidden, and what was not enqueued must come back.
                self._held.add(handle)
                was_new = handed is Handed.ENQUEUED
                return Taken.ENQUEUED if was_new else Taken.ALREADY_IN_FLIGHT
            case _:
                assert_never(handed)

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

    def _show(self, handles: list[Handle]) -> None:
        """Give received messages back to SQS at once, if it lets us; it takes them back anyway."""
        if not handles:
            return
        try:
            self._inbox.hide(handles, 0)
        except (InboxUnavailable, InboxUnusable) as error:
            logger.warning("messages not shown again", extra={"client_error_code": error.code})


def _handle(message: Message) -> Handle:
    return Handle(message.message_id, message.receipt_handle)


def _work(message: Message, envelope: sns.Envelope) -> dramatiq.Message[None]:
    return dramatiq.Message(
        queue_name=sns.actor_queue(envelope),
        actor_name=wire.ACTOR_NAME,
        args=(),
        kwargs=wire.payload(sns_message_id=envelope.message_id, notification=envelope.message),
        options={wire.SQS_MESSAGE_ID: message.message_id, "sent_at_ms": message.sent_at_ms},
        # One name for it in all logs, Dramatiq's own among them.
        message_id=message.message_id,
    )


def _now_ms() -> int:
    return int(time.time() * 1000)
