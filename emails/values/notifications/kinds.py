"""What SES tells us: a mail came in, a mail of ours bounced, or somebody complained of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias, assert_never

from emails.values.facts import MailFacts


@dataclass(frozen=True, slots=True)
class StoredMail:
    """The mail is in S3."""

    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class InlineMail:
    """The mail is inside the notification."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class Received:
    """A mail arrived. `recipients` are the ones that SES's receipt rule matched.

    `received_at` is when SES received it; None if SES doesn't say. `message_id` is SES's id for it.
    """

    recipients: tuple[str, ...]
    mail: MailFacts
    headers_truncated: bool
    content: StoredMail | InlineMail
    received_at: datetime | None = None
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class SentMail:
    """What SES says about a mail we sent. `tags` come only with event publishing.

    `message_id` is SES's id for it, and `destination` whom we sent it to: not always the address
    that bounced, since a mailbox may forward.
    """

    source: str
    message_id: str
    destination: tuple[str, ...]
    tags: tuple[tuple[str, str], ...]

    def tag(self, name: str) -> str | None:
        """Return the value of the tag `name` that the mail was sent with, if any."""
        return next((value for known, value in self.tags if known == name), None)


@dataclass(frozen=True, slots=True)
class BouncedRecipient:
    """An address that bounced, and what its mail server said; SES leaves out what it did not say.

    `status` is an enhanced status code (RFC 3463), `action` what became of the mail (RFC 3464),
    `diagnostic` the server's answer.
    """

    address: str
    status: str = ""
    action: str = ""
    diagnostic: str = ""


@dataclass(frozen=True, slots=True)
class Bounce:
    """A mail we sent did not reach some recipients. `kind` and `subkind` are SES's terms.

    `at` is when it bounced, and `took` how long after the mail was sent, if SES says so.
    """

    kind: str
    subkind: str
    recipients: tuple[BouncedRecipient, ...]
    mail: SentMail
    took: timedelta | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Complaint:
    """Recipients reported our mail as spam, `at` this time. The others are SES's terms."""

    feedback: str
    subkind: str
    recipients: tuple[str, ...]
    mail: SentMail
    at: datetime | None = None


Notification: TypeAlias = Received | Bounce | Complaint


def mail_ids(notification: Notification) -> tuple[str, ...]:
    """Return the names of the mail that this is about, the best first: its key in S3, SES's id."""
    match notification:
        case Received(content=StoredMail(key=key), message_id=ses_id):
            return (key, ses_id)
        case Received(message_id=ses_id):
            return (ses_id,)
        case Bounce(mail=mail) | Complaint(mail=mail):
            return (mail.message_id,)
        case _:
            assert_never(notification)
