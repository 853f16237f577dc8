"""What the domain needs from outside: the interfaces that the other modules here implement."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from emails.mime.plans import Note, NoteWording
from emails.rules.notes import NotePlan
from emails.values.deliveries import Instant, Outgoing, SendEvidence
from emails.values.digests import Digest
from emails.values.notices import Notice
from emails.values.notifications import StoredMail


class MailStore(Protocol):
    """The mails that SES stored."""

    def fetch(self, mail: StoredMail) -> bytes:
        """Fetch a mail. Raises `NotFinished`, or `Refused` if it is too large or encrypted."""

    def fetch_start(self, mail: StoredMail, size: int) -> bytes:
        """Fetch at most the first `size` bytes of a mail. Raises like `fetch`."""

    def copy(self, mail: StoredMail, key: str) -> int:
        """Copy a mail to another key of its bucket; return its size. Raises like `fetch`."""

    def put(self, mail: StoredMail, raw: bytes) -> None:
        """Store a mail. Raises like `fetch`."""

    def delete(self, bucket: str, keys: Sequence[str]) -> Mapping[str, str]:
        """Delete mails; return the keys of those not deleted, each with the reason."""


class Mailer(Protocol):
    """Sends mails."""

    def send(self, mail: Outgoing) -> str:
        """Send a mail to one recipient; return SES's id for it.

        Raises `SendInDoubt` if it may have been sent. After any other exception it was certainly
        not: `Refused`, `NotFinished`, or a fault of our own.
        """

    def check(self, sender: str) -> None:
        """Raise `Unavailable` if sends fail now, whatever the mail. Sends nothing."""


class Pace(Protocol):
    """How fast mails may be sent."""

    def wait_turn(self) -> None:
        """Wait until a mail may be sent. Raises `NotFinished` if that takes too long."""

    def slow_down(self) -> None:
        """Send more slowly from now on, because SES throttled a send."""


class SendNotes(Protocol):
    """What is known of sends outside of the database."""

    def note_sent(self, delivery: str, ses_id: str) -> bool:
        """Note that SES has a delivery's mail; return whether the note was taken."""

    def note_begun(self, delivery: str) -> None:
        """Note that a delivery's mail is about to be sent. Raises if the note was not taken."""

    def find(self, delivery: str) -> SendEvidence:
        """Find what was noted for a delivery."""


class WorkerPresence(Protocol):
    """Which worker processes are alive."""

    @property
    def name(self) -> str:
        """The name of this process; empty if it has none."""

    def is_fresh(self) -> bool:
        """Return whether nobody can take this process for dead now."""

    def is_silent(self, name: str) -> bool:
        """Return whether a process has shown no sign of life lately."""


class Brake(Protocol):
    """Counts the mails that may be part of a loop."""

    def find_earlier(self, mask: str, correspondent: str, delivery: str, now: datetime) -> int:
        """Count a delivery, once; return how many there were before it within the last hour."""


class ClockWatch(Protocol):
    """Notices when this machine's clock is wrong."""

    def compare(self, database: datetime, before: Instant, after: Instant) -> None:
        """Compare with the database's clock, which was read between two moments of ours."""


class NoteWordings(Protocol):
    """Returns how the note of a mask's mails reads, in all languages."""

    def __call__(self, mask: str) -> tuple[NoteWording, ...]: ...


class MakeNote(Protocol):
    """Makes the note that is added to a forwarded mail."""

    def __call__(
        self,
        plan: NotePlan,
        now: datetime,
        trackers_removed: Mapping[str, int],
        renamed: Sequence[str] = (),
    ) -> Note | None:
        """Make the note in the owner's language. `renamed` attachments: their names."""


class MakeDigest(Protocol):
    """Makes the mail of a digest."""

    def __call__(self, digest: Digest, now: datetime) -> bytes:
        """Make a digest of held mails for its owner, in the owner's language."""


class MakeNotice(Protocol):
    """Makes the mail of a notice."""

    def __call__(self, notice: Notice, recipient: str, language: str, now: datetime) -> bytes:
        """Make a notice for an owner, in the owner's language."""
