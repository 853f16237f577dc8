"""What the flow works with: its ports to the outside, and the notification it carries out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from emails.edges.ports import Mailer, MailStore, MakeNote, MakeNotice, Pace
from emails.values.facts import Policy
from emails.values.notifications import StoredMail


@dataclass(frozen=True, slots=True)
class Ports:
    """What can fail remotely, and what was read from the settings. Made once a process.

    `reply_secret` is what the keys of reply records are derived from.
    """

    policy: Policy
    reply_secret: bytes = field(repr=False)
    mail_store: MailStore
    delete_later: Callable[[StoredMail], None]
    mailer: Mailer
    pace: Pace
    make_note: MakeNote
    make_notice: MakeNotice
    trackers: frozenset[str]
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Context:
    """One notification that is being carried out, at the time `now`."""

    ports: Ports
    sns_message_id: str
    now: datetime
