"""S3, SES and the pace in memory, with the failures that tests ask for.

They pass the same cases as the real ones: `tests/contract/test_mail_stores.py`, `test_mailers.py`
and `test_paces.py`.
"""

from collections.abc import Callable, Sequence
from email import message_from_bytes
from email.message import Message
from threading import Lock

from emails.values.deliveries import Outgoing
from emails.values.errors import Refused
from emails.values.notifications import StoredMail
from emails.values.outcomes import RefuseReason

Failures = Sequence[BaseException | None]
"""What the next calls raise; None for a call that works."""

BUCKET = "mails"


class FakeMailStore:
    """The bucket. `fails` holds what the next calls raise; None for a call that works.

    `kept` names what it would not delete, and why; `calls` counts the calls that delete.
    """

    def __init__(self) -> None:
        self.mails: dict[StoredMail, bytes] = {}
        self.fetched: list[StoredMail] = []
        self.fails: Failures = ()
        self.delete_fails: Failures = ()
        self.kept: dict[str, str] = {}
        self.calls = 0

    def fetch(self, mail: StoredMail) -> bytes:
        failure, self.fails = _take(self.fails)
        if failure is not None:
            raise failure
        _check(mail.bucket)
        self.fetched.append(mail)
        if mail not in self.mails:
            raise Refused(RefuseReason.MAIL_MISSING)
        return self.mails[mail]

    def delete(self, bucket: str, keys: Sequence[str]) -> dict[str, str]:
        self.calls += 1
        failure, self.delete_fails = _take(self.delete_fails)
        if failure is not None:
            raise failure
        _check(bucket)
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
        self.fails: Failures = ()
        self.meanwhile: Callable[[], None] = lambda: None

    def wait_turn(self) -> None:
        self.meanwhile()
        failure, self.fails = _take(self.fails)
        if failure is not None:
            raise failure

    def slow_down(self) -> None:
        self.slowed_down += 1


class FakeMailer:
    """SES. `fails` holds what the next sends raise; `meanwhile` runs while a send is under way.

    It sends for `domains` and their subdomains.
    """

    def __init__(self) -> None:
        self.domains = {"masks.example"}
        self.sent: list[Outgoing] = []
        self.fails: Failures = ()
        self.fails_for: dict[str, Exception] = {}
        self.meanwhile: Callable[[], None] = lambda: None
        self._lock = Lock()

    def send(self, mail: Outgoing) -> str:
        self.meanwhile()
        with self._lock:
            failure, self.fails = _take(self.fails)
            if failure is not None:
                raise failure
            if failure := self.fails_for.get(mail.recipient):
                raise failure
            if not self._may_send(mail.sender):
                raise Refused(RefuseReason.SEND_REJECTED)
            self.sent.append(mail)
            return f"0100-{len(self.sent):04}"

    def mail_to(self, recipient: str) -> Message:
        """The one mail that was sent to this address."""
        (mail,) = (mail for mail in self.sent if mail.recipient == recipient)
        return message_from_bytes(mail.raw)

    def _may_send(self, sender: str) -> bool:
        domain = sender.rpartition("@")[2]
        return any(f".{domain}".endswith(f".{one}") for one in self.domains)


def _check(bucket: str) -> None:
    if bucket != BUCKET:
        raise Refused(RefuseReason.MAIL_STORE_REJECTED)


def _take(failures: Failures) -> tuple[BaseException | None, Failures]:
    """Give the first failure, and those that are left."""
    return (failures[0], failures[1:]) if failures else (None, ())
