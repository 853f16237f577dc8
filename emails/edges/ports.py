"""What the domain needs from outside: the interfaces that the other modules here implement."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from emails.mime.plans import Note, NoteWording
from emails.rules.addresses import MaskRecipient
from emails.rules.notes import NotePlan
from emails.values.account import Account, AccountState, Sending
from emails.values.deliveries import Instant, Outgoing, SendEvidence
from emails.values.digests import Digest
from emails.values.facts import ReplyFacts
from emails.values.freezes import Freeze
from emails.values.notices import Notice
from emails.values.notifications import StoredMail


class MailRoom(Protocol):
    """The room that one mail takes up in this process."""

    def take(self, size: int) -> None:
        """Take room for so many bytes. Raises `NotFinished` if there is none now."""

    def leave(self) -> None:
        """Give the room back."""


class MailStore(Protocol):
    """The mails that SES stored."""

    def fetch(self, mail: StoredMail, room: MailRoom) -> bytes:
        """Fetch a mail, once there is room for it.

        Raises `NotFinished`, or `Refused` if it is too large or encrypted.
        """

    def fetch_start(self, mail: StoredMail, size: int) -> bytes:
        """Fetch at most the first `size` bytes of a mail. Raises like `fetch`."""

    def copy(self, mail: StoredMail, key: str) -> int:
        """Copy a mail to another key of its bucket; return its size. Raises like `fetch`."""

    def put(self, mail: StoredMail, raw: bytes) -> None:
        """Store a mail. Raises like `fetch`."""

    def delete_one(self, mail: StoredMail) -> None:
        """Delete a mail; a missing one counts as deleted. Raises `NotFinished` or `Refused`."""

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

    def check_place(self) -> None:
        """Raise `OthersFirst` if others' mail must be sent before this one, and would not be."""

    def wait_turn(self) -> None:
        """Wait until a mail may be sent. Raises `NotFinished` if that takes too long, or
        `OthersFirst`.
        """

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


class Controls(Protocol):
    """What operators order for a while."""

    def is_sending_paused(self) -> bool:
        """Return whether nothing may be sent."""

    def freezes(self) -> tuple[Freeze, ...]:
        """Return the freezes in force, the oldest first."""


class Brake(Protocol):
    """Counts the mails that may be part of a loop."""

    def find_earlier(self, mask: str, correspondent: str, delivery: str, now: datetime) -> int:
        """Count a delivery, once; return how many there were before it within the last hour."""


class Canary(Protocol):
    """Makes canaries, and notes what becomes of them."""

    def make(self, sender: str, recipient: str, now: datetime) -> bytes:
        """Make the mail."""

    def note_begun(self) -> None:
        """Note that one is to be sent now."""

    def note_sent(self, error_code: str | None = None) -> None:
        """Note that one was sent; or, with the code of its error, that it wasn't."""

    def note_forwarded(self, *, is_back: bool) -> None:
        """Note that one was forwarded, and whether that is as far as anybody can see it."""


class SendingAccount(Protocol):
    """The account that we send with."""

    def fetch(self) -> Account:
        """Ask SES about it. Raises `Unreadable`."""


class AccountNotes(Protocol):
    """What all processes know of the account. Times are seconds since 1970."""

    def find(self) -> AccountState:
        """Find all that is known."""

    def held(self) -> frozenset[str]:
        """Return the keys of the senders whose mail is held, as they were a few seconds ago."""

    def note_account(self, account: Account, now: float) -> None:
        """Note what SES says now."""

    def note_failing(self, code: str, now: float) -> None:
        """Note that the account can't be read."""

    def note_judged(self, sending: Sending, held: frozenset[str], now: float) -> None:
        """Note how much was sent and came back, and whose mail is held for it."""

    def count_sending(self, now: float) -> Sending:
        """Count the mails of the last 24 hours."""


class ClockWatch(Protocol):
    """Notices when this machine's clock is wrong."""

    def compare(self, database: datetime, before: Instant, after: Instant) -> None:
        """Compare with the database's clock, which was read between two moments of ours."""


class Predecessor(Protocol):
    """The system that this relay was, or is being, moved from. Methods raise `NotFinished`."""

    def take_mask(self, recipient: MaskRecipient) -> bool:
        """Take over a mask that is not here, or the owner of its name; return whether it has any.

        Raises `NotFinished` with `SOURCE_UNAVAILABLE` if the predecessor can't be asked.
        """

    def find_reply(self, quoted_ids: Sequence[str]) -> ReplyFacts | None:
        """Find the thread of a reply to a mail that the predecessor forwarded. Raises likewise."""


class MayLeave(Protocol):
    """Returns whether a reply may be left to the other system on a shared queue."""

    def __call__(self, sns_message_id: str) -> bool: ...


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
