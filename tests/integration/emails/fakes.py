"""S3 and SES in memory, with the failures that tests ask for. Held to the real ones' behaviour by
`test_aws.py`, which runs the same cases over both."""

from collections.abc import Callable, Sequence
from email import message_from_bytes
from email.message import Message
from threading import Lock

from emails.values.deliveries import Outgoing
from emails.values.errors import Refused
from emails.values.notifications import StoredMail
from emails.values.outcomes import RefuseReason


class FakeMailStore:
    """The bucket. `fails` holds what the next calls raise; None for a call that works.

    `kept` names what it would not delete, and why; `calls` counts the calls that delete.
    """

    def __init__(self) -> None:
        self.mails: dict[StoredMail, bytes] = {}
        self.fetched: list[StoredMail] = []
        self.fails: list[Exception | None] = []
        self.delete_fails: list[Exception | None] = []
        self.kept: dict[str, str] = {}
        self.calls = 0

    def fetch(self, mail: StoredMail) -> bytes:
        _fail(self.fails)
        self.fetched.append(mail)
        if mail not in self.mails:
            raise Refused(RefuseReason.MAIL_MISSING)
        return self.mails[mail]

    def delete(self, bucket: str, keys: Sequence[str]) -> dict[str, str]:
        self.calls += 1
        _fail(self.delete_fails)
        for key in keys:
            if key not in self.kept:
                self.mails.pop(StoredMail(bucket, key), None)
        return {key: self.kept[key] for key in keys if key in self.kept}

    def delete_later(self, mail: StoredMail) -> None:
        self.delete(mail.bucket, [mail.key])


class FakePace:
    """A pace that holds nobody back; `fails` holds what the next waits raise.

    `meanwhile` runs while somebody waits.
    """

    def __init__(self) -> None:
        self.slowed_down = 0
        self.fails: list[Exception | None] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def wait_turn(self) -> None:
        self.meanwhile()
        _fail(self.fails)

    def slow_down(self) -> None:
        self.slowed_down += 1


class FakeMailer:
    """SES. `fails` holds what the next sends raise; `meanwhile` runs while a send is under way."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []
        self.fails: list[BaseException | None] = []
        self.fails_for: dict[str, Exception] = {}
        self.meanwhile: Callable[[], None] = lambda: None
        self._lock = Lock()

    def send(self, mail: Outgoing) -> str:
        self.meanwhile()
        with self._lock:
            _fail(self.fails)
            if failure := self.fails_for.get(mail.recipient):
                raise failure
            self.sent.append(mail)
            return f"0100-{len(self.sent):04}"

    def mail_to(self, recipient: str) -> Message:
        """The one mail that was sent to this address."""
        (mail,) = (mail for mail in self.sent if mail.recipient == recipient)
        return message_from_bytes(mail.raw)


def _fail(failures: "list[Exception | None] | list[BaseException | None]") -> None:
    failure = failures.pop(0) if failures else None
    if failure is not None:
        raise failure
