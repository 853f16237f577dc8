"""What bounces say about mailboxes, and the breakers that are open while an owner's bounces."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class BounceMeaning(StrEnum):
    """What a bounce says."""

    GONE = "gone"
    """The mailbox does not exist, or takes no mail any more."""
    UNREACHABLE = "unreachable"
    """The mailbox takes no mail for now: it is full, or its server is away."""
    MAIL_REFUSED = "mail_refused"
    """The server refused this mail, or mail from us. The mailbox may well take another."""
    REFUSED_AS_SPAM = "refused_as_spam"
    """The same, and the server calls the mail spam."""
    NOT_FINAL = "not_final"
    """The mail is late or was passed on; it was not given up."""
    AUTOMATIC_ANSWER = "automatic_answer"
    """A machine answered the mail, which therefore arrived: a vacation reply."""


class ProbeProgress(StrEnum):
    """How far a probe is."""

    UNDERWAY = "underway"
    """It is being released."""

    SENT = "sent"
    """SES has it: it arrives, or bounces."""

    FAILED = "failed"
    """It was not sent: held again, blocked, expired. It says nothing about the mailbox."""


@dataclass(frozen=True, slots=True)
class Probe:
    """The held mail that was let through. `sent_at` is None if nobody noted it yet."""

    progress: ProbeProgress
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class MailboxBreaker:
    """An open breaker; all times are by the database's clock, and `now` is its present time.

    `step` counts the probes that bounced. A probe has `wait` to bounce. `is_about_current_address`:
    the owner has no other address by now.
    """

    owner_id: int
    opened_at: datetime
    is_about_current_address: bool
    step: int
    next_probe_at: datetime
    wait: timedelta
    probe: Probe | None
    now: datetime


class BreakerChange(StrEnum):
    """What a bounce changed."""

    OPENED = "opened"
    PROBE_BOUNCED = "probe_bounced"


@dataclass(frozen=True, slots=True)
class MailboxBounce:
    """A bounce that says the mailbox takes no mail.

    `delivery` is our tag for the mail that bounced, empty without tags; `ses_id` is SES's id for
    it. `took` is how long it took to bounce, None if unknown.
    """

    meaning: BounceMeaning
    delivery: str
    ses_id: str
    took: timedelta | None


@dataclass(frozen=True, slots=True)
class DueBreaker:
    """A breaker that something may be due for. `id` is its row's."""

    id: int
    breaker: MailboxBreaker
