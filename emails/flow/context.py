"""What every step of the flow gets: the ports to the outside, and the current notification."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from emails.edges.ports import (
    AccountNotes,
    Brake,
    Canary,
    ClockWatch,
    Controls,
    Mailer,
    MailRoom,
    MailStore,
    MakeDigest,
    MakeNote,
    MakeNotice,
    MayLeave,
    NoteWordings,
    Pace,
    Predecessor,
    SendingAccount,
    SendNotes,
    WorkerPresence,
)
from emails.rules.notes import NotePlan
from emails.values.deliveries import Instant
from emails.values.facts import Policy
from emails.values.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class Ports:
    """The remote services and the settings, built once per process.

    The keys of reply records and the marks in loop headers are derived from `reply_secrets`: the
    newest first, the others for what was recorded under them.
    """

    policy: Policy
    reply_secrets: tuple[bytes, ...] = field(repr=False)
    mail_store: MailStore
    make_room: Callable[[], MailRoom]
    mailer: Mailer
    send_notes: SendNotes
    presence: WorkerPresence
    pace: Pace
    account: SendingAccount
    account_notes: AccountNotes
    controls: Controls
    predecessor: Predecessor
    may_leave: MayLeave
    brake: Brake
    canary: Canary
    make_note: MakeNote
    make_block_url: Callable[[NotePlan, datetime], str]
    note_wordings: NoteWordings
    make_notice: MakeNotice
    make_digest: MakeDigest
    trackers: frozenset[str]
    clock: Callable[[], Instant]
    clock_watch: ClockWatch
    sleep: Callable[[float], None]

    @property
    def reply_secret(self) -> bytes:
        """What is recorded now is keyed under this one."""
        return self.reply_secrets[0]


@dataclass(slots=True)
class Progress:
    """How far earlier attempts came: how many recipients they had settled, as far as was looked.

    `finished` has the outcomes that are known, by the deliveries' hashes.
    """

    settled_before: int = 0
    finished: Mapping[str, Outcome] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Context:
    """The notification being handled, and the time its handling began."""

    ports: Ports
    sns_message_id: str
    now: datetime
    progress: Progress = field(default_factory=Progress)
