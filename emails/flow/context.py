"""What every step of the flow gets: the ports to the outside, and the current notification."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from emails.edges.ports import (
    Brake,
    ClockWatch,
    Mailer,
    MailStore,
    MakeDigest,
    MakeNote,
    MakeNotice,
    NoteWordings,
    Pace,
    SendNotes,
    WorkerPresence,
)
from emails.rules.notes import NotePlan
from emails.values.deliveries import Instant
from emails.values.facts import Policy
from emails.values.notifications import StoredMail


@dataclass(frozen=True, slots=True)
class Ports:
    """The remote services and the settings, built once per process.

    The keys of reply records and the marks in loop headers are derived from `reply_secret`.
    """

    policy: Policy
    reply_secret: bytes = field(repr=False)
    mail_store: MailStore
    delete_later: Callable[[StoredMail], None]
    mailer: Mailer
    send_notes: SendNotes
    presence: WorkerPresence
    pace: Pace
    brake: Brake
    make_note: MakeNote
    make_block_url: Callable[[NotePlan, datetime], str]
    note_wordings: NoteWordings
    make_notice: MakeNotice
    make_digest: MakeDigest
    trackers: frozenset[str]
    clock: Callable[[], Instant]
    clock_watch: ClockWatch
    sleep: Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Context:
    """The notification being handled, and the time its handling began."""

    ports: Ports
    sns_message_id: str
    now: datetime
