"""Verifies a message, and says what becomes of it. Never raises.

A message is judged by itself. What can't be told from one message, the poller tells from many:
whether it is the message's fault that its certificate is missing or its topic unknown.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

import dramatiq
import markus

from bridge.breakers import BLAMES, CERTIFICATE_MISSING, Blame
from bridge.dispositions import Disposition
from bridge.ledger.dispatch import Work
from bridge.messages import Message
from bridge.ports import Queue
from bridge.receive_spans import begin_message, trace_id_for
from bridge.sns.certificates import CertificateUnavailable
from bridge.sns.envelope import Envelope, EnvelopeType
from bridge.sns.lanes import Lanes
from bridge.sns.reject_reasons import Rejected
from bridge.sns.routing import REJECT, ForWorkers, SendConfirmed, Unneeded, route_of
from emails import wire
from runtime.failures import fields_of
from runtime.message_context import MessageContext, about, begin, current, first_id

logger = logging.getLogger(__name__)
metrics = markus.get_metrics("bridge")


Authenticate = Callable[[str], Envelope]
"""From a message's body to a verified envelope. Raises `Rejected` for a message that must
not come in, `CertificateUnavailable` if that can't be decided now."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """It can't be told now what the message is; `code` says why."""

    code: str


@dataclass(frozen=True, slots=True)
class Suspect:
    """The message may be at fault, or we are. `disposition` is what becomes of it if we are not."""

    blame: Blame
    disposition: Disposition


Seal = Callable[[str, str], str]
"""Seals a message's body about its id, for the workers alone."""

Judgement = Work | SendConfirmed | Disposition | Undecided | Suspect

_PASSED = frozenset({Disposition.CONFIRMED, Disposition.UNNEEDED})


def has_passed(judgement: Judgement) -> bool:
    """Whether the message is genuine, which shows that settings and certificates are right."""
    return isinstance(judgement, Work | SendConfirmed) or judgement in _PASSED


NameLanes = Callable[[Sequence[str], str], Lanes]
"""From the recipients and the sender of a mail to its lanes."""


def _no_lanes(recipients: Sequence[str], source: str) -> Lanes:
    return Lanes()


Note = Callable[[str, MessageContext, str], None]
"""Notes for the story what became of a message: a word, which message, and why."""


def _note_nothing(what: str, message: MessageContext, detail: str) -> None:
    return


class Judge:
    """Judges messages by `authenticate`. The other parameters are settings of the same names."""

    def __init__(
        self,
        queue: Queue,
        authenticate: Authenticate,
        seal: Seal,
        *,
        delete_failed_messages: bool,
        confirm_subscriptions: bool,
        name_lanes: NameLanes = _no_lanes,
        note: Note | None = None,
    ) -> None:
        self._queue = queue
        self._name_lanes = name_lanes
        self._note = note or _note_nothing
        self._authenticate = authenticate
        self._seal = seal
        self._delete_failed_messages = delete_failed_messages
        self._confirm_subscriptions = confirm_subscriptions

    def judge(self, message: Message) -> Judgement:
        """Verify a message, and say what it is. Never raises."""
        with about(_known_of(message)):
            return self._judge(message)

    def _judge(self, message: Message) -> Judgement:
        try:
            return self._prepare(message, self._authenticate(message.body))
        except Rejected as rejected:
            return self._rejected(message, rejected)
        except CertificateUnavailable as error:
            if not error.may_be_forged:
                return Undecided(error.code)
            logger.warning(
                "message deferred",
                extra={
                    "sqs_message_id": message.message_id,
                    "reason": "certificate_unavailable",
                    "detail": str(error),
                },
            )
            self._note("deferred", current(), "certificate_unavailable")
            return Suspect(CERTIFICATE_MISSING, Disposition.DEFERRED)
        except Exception as error:
            logger.exception(
                "message could not be handed on",
                extra={
                    "sqs_message_id": message.message_id,
                    **fields_of(error),
                },
            )
            return Disposition.ERROR

    def _rejected(self, message: Message, rejected: Rejected) -> Judgement:
        # It comes back until SQS gives it up: counted each time, one would outweigh ten good ones.
        if message.receive_count == 1:
            metrics.incr("rejected", tags=[f"reason:{rejected.reason}"])
        logger.warning(
            "message rejected",
            extra={
                "sqs_message_id": message.message_id,
                "reason": rejected.reason,
                "detail": rejected.detail,
                "deleted": self._delete_failed_messages,
                "receive_count": message.receive_count,
            },
        )
        self._note("rejected", current(), rejected.reason)
        blame = BLAMES.get(rejected.reason)
        return Suspect(blame, Disposition.REJECTED) if blame else Disposition.REJECTED

    def _prepare(self, message: Message, envelope: Envelope) -> Judgement:
        sns_message_id = first_id(envelope.message_id)
        trace_id = trace_id_for(message, sns_message_id)
        begin(replace(current(), sns_message_id=sns_message_id, trace_id=trace_id))
        if (token := self._token_to_confirm(envelope)) is not None:
            self._queue.confirm_subscription(envelope.topic_arn, token)
            logger.info("subscription confirmed", extra={"sqs_message_id": message.message_id})
            return Disposition.CONFIRMED
        route = route_of(envelope)
        match route:
            case ForWorkers():
                return self._work(message, route)
            case SendConfirmed():
                return route
            case Unneeded():
                _note_unneeded(message, route)
                return Disposition.UNNEEDED
            case _:
                assert_never(route)

    def _token_to_confirm(self, envelope: Envelope) -> str | None:
        asks = envelope.type is EnvelopeType.SUBSCRIPTION_CONFIRMATION
        return envelope.token if asks and self._confirm_subscriptions else None

    def _work(self, message: Message, route: ForWorkers) -> Work:
        lanes = self._name_lanes(route.recipients, route.source)
        known = replace(
            current(),
            mail_id=route.mail_id,
            received_at_ms=received_at_ms(route.received_at_ms, message.sent_at_ms),
        )
        options = {
            wire.SQS_MESSAGE_ID: message.message_id,
            wire.ABOUT: known.to_text(),
            "sent_at_ms": message.sent_at_ms,
            **begin_message(message, known),
        }
        return Work(
            message.handle,
            dramatiq.Message(
                queue_name=route.queue,
                actor_name=wire.ACTOR_NAME,
                args=(),
                kwargs=wire.payload(self._seal(message.body, message.message_id)),
                options=options,
                # The same id in all logs, Dramatiq's own included.
                message_id=message.message_id,
            ),
            lanes.names,
            lanes.work,
            message.body,
            message.sent_at_ms,
            message.trace_header,
            message.receive_count,
            known,
        )


def received_at_ms(said_ms: int | None, sent_ms: int) -> int:
    """Return when SES received a mail, from what it says and when SQS got its notification.

    The notification follows the receipt: what SES says to be later, or doesn't say, is not
    believed.
    """
    return said_ms if said_ms is not None and 0 < said_ms <= sent_ms else sent_ms


def _known_of(message: Message) -> MessageContext:
    return MessageContext(message.message_id, trace_id=trace_id_for(message, message.message_id))


def _note_unneeded(message: Message, event: Unneeded) -> None:
    metrics.incr("unneeded", tags=[f"event:{event.event}"])
    if event.event == REJECT:
        # SES found a virus in a mail that it had accepted from us: the owner doesn't get it.
        logger.warning(
            "ses rejected a mail that it had accepted",
            extra={"sqs_message_id": message.message_id, "ses_message_id": event.ses_id},
        )
