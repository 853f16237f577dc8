"""What a message in SQS's dead-letter queue is, and why it is there.

SQS doesn't say why. The body is verified as the bridge does it, the reason of our own dead letter
is in Redis under SQS's id, and the database knows whether the mail was dealt with after all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from bridge.messages import Message
from bridge.sns.certificates import CertificateUnavailable
from bridge.sns.envelope import Envelope
from bridge.sns.reject_reasons import Rejected
from emails.values import notifications
from emails.values.errors import Refused
from emails.values.notifications import Received

FINISHED = "finished"
"""The reason of a mail that has an outcome for each recipient: nothing more is needed."""

UNKNOWN = "unknown"
NOT_VERIFIED = "not_verified"


@dataclass(frozen=True, slots=True)
class Found:
    """A message, its reason, and SES's notification; empty if it is not SNS's."""

    message: Message
    reason: str
    sns_message_id: str = ""
    notification: str = ""

    @property
    def sent_at(self) -> datetime:
        """When SNS sent it to SQS."""
        return datetime.fromtimestamp(self.message.sent_at_ms / 1000, UTC)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which messages an operator means: by id, or by reason (or its beginning); empty: all."""

    ids: frozenset[str] = frozenset()
    reason: str = ""

    def admits(self, found: Found) -> bool:
        """Whether a message is meant."""
        if self.ids:
            return found.message.message_id in self.ids
        asked = self.reason
        return not asked or found.reason == asked or found.reason.startswith(f"{asked}:")

    @property
    def described(self) -> str:
        """In words."""
        return f"{len(self.ids)} chosen" if self.ids else f"all {self.reason}".rstrip()


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges messages. Errors of Redis, and `NotFinished` of the database, pass through.

    `find_dead_letter` finds the reason of our dead letter for an SQS message; `is_settled` says
    whether a mail with this SNS id needs nothing more.
    """

    authenticate: Callable[[str], Envelope]
    find_dead_letter: Callable[[str], str | None]
    is_settled: Callable[[Received, str], bool]

    def judge(self, message: Message) -> Found:
        """Say what a message is."""
        try:
            envelope = self.authenticate(message.body)
        except Rejected as error:
            return Found(message, f"rejected:{error.reason.value}")
        except CertificateUnavailable:
            return Found(message, NOT_VERIFIED)
        reason = self._reason(message.message_id, envelope)
        return Found(message, reason, envelope.message_id, envelope.message)

    def _reason(self, message_id: str, envelope: Envelope) -> str:
        try:
            notification = notifications.parse(envelope.message)
        except Refused as error:
            return f"refused:{error.reason}"
        if isinstance(notification, Received) and self.is_settled(
            notification, envelope.message_id
        ):
            return FINISHED
        return self.find_dead_letter(message_id) or UNKNOWN
