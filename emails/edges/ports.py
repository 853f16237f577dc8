"""What the domain needs from outside, as it sees it. The other modules here keep these promises."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from emails.mime.plans import Note
from emails.rules.notice_kinds import NoticeKind
from emails.values.deliveries import Outgoing
from emails.values.notifications import StoredMail


class MailStore(Protocol):
    """The mails that SES stored."""

    def fetch(self, mail: StoredMail) -> bytes:
        """Read a mail. Raises `NotFinished`, or `Refused` for one that is missing or too large."""

    def delete(self, bucket: str, keys: Sequence[str]) -> Mapping[str, str]:
        """Delete mails; gives the keys of those that are still there, each with the reason."""


class Mailer(Protocol):
    """Sends mails."""

    def send(self, mail: Outgoing) -> str:
        """Send a mail to one recipient; gives SES's id for it.

        Raises `Refused` or `NotFinished` if it was surely not sent, `SendInDoubt` if it may have
        been.
        """


class Pace(Protocol):
    """How fast mails may be sent."""

    def wait_turn(self) -> None:
        """Wait until a mail may be sent. Raises `NotFinished` if that takes too long."""

    def slow_down(self) -> None:
        """Note that SES refused a mail because too many were sent."""


class MakeNote(Protocol):
    """Makes the header and footer of a forwarded mail."""

    def __call__(self, mask: str, language: str, trackers_removed: Mapping[str, int]) -> Note:
        """Make them for a mask, in its owner's language."""


class MakeNotice(Protocol):
    """Makes the mail of a notice."""

    def __call__(
        self, kind: NoticeKind, mask: str, recipient: str, language: str, now: datetime
    ) -> bytes:
        """Make the notice about a mask, for its owner, in the owner's language."""
