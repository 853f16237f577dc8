"""S3, SES and the pace in memory, with injected failures.

They pass the same contract tests as the real ones: `test_mail_stores.py`, `test_mailers.py` and
`test_paces.py` in `tests/contract`.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes
from email.message import Message
from threading import Lock

from emails.edges.mail_memory import MailMemory
from emails.edges.ports import MailRoom
from emails.rules.addresses import MaskRecipient
from emails.values.account import Account, AccountState, Sending, Unreadable
from emails.values.deliveries import Instant, Outgoing, SendEvidence
from emails.values.errors import MAX_TRIES, NotFinished, Refused, Unavailable
from emails.values.facts import ReplyFacts
from emails.values.freezes import Freeze
from emails.values.notifications import StoredMail
from emails.values.outcomes import RefuseReason, RetryReason
from runtime.dependencies import Dependency
from tools.local import ses_limits

Failures = Sequence[BaseException | None]
"""What the next calls raise; None for a call that works."""

BUCKET = "mails"


ANY_ROOM = MailMemory(2**60).room()
"""Room for mails of any size."""


class NoPredecessor:
    """There was no other system before this one."""

    def take_mask(self, recipient: MaskRecipient) -> bool:
        return False

    def find_reply(self, quoted_ids: Sequence[str]) -> ReplyFacts | None:
        return None


class FakeMailStore:
    """The bucket. `fails`, `write_fails` and `delete_fails` are what the next calls raise.

    `kept` maps keys that can't be deleted to the reason; `calls` counts calls of `delete`.
    `encrypted` are those that the S3 encryption client wrote.
    """

    def __init__(self) -> None:
        self.mails: dict[StoredMail, bytes] = {}
        self.fetched: list[StoredMail] = []
        self.fails: Failures = ()
        self.write_fails: Failures = ()
        self.delete_fails: Failures = ()
        self.encrypted: set[StoredMail] = set()
        self.kept: dict[str, str] = {}
        self.calls = 0

    def fetch(self, mail: StoredMail, room: MailRoom) -> bytes:
        failure, self.fails = _take(self.fails)
        if failure is not None:
            raise failure
        _check(mail.bucket)
        self.fetched.append(mail)
        raw = self._stored(mail)
        room.take(len(raw))
        return raw

    def fetch_start(self, mail: StoredMail, size: int) -> bytes:
        return self.fetch(mail, ANY_ROOM)[:size]

    def copy(self, mail: StoredMail, key: str) -> int:
        failure, self.write_fails = _take(self.write_fails)
        if failure is not None:
            raise failure
        _check(mail.bucket)
        raw = self.mails[StoredMail(mail.bucket, key)] = self._stored(mail)
        return len(raw)

    def put(self, mail: StoredMail, raw: bytes) -> None:
        failure, self.write_fails = _take(self.write_fails)
        if failure is not None:
            raise failure
        _check(mail.bucket)
        self.mails[mail] = raw

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

    def delete_one(self, mail: StoredMail) -> None:
        self.delete(mail.bucket, [mail.key])

    def _stored(self, mail: StoredMail) -> bytes:
        if mail not in self.mails:
            raise NotFinished(RefuseReason.MAIL_MISSING, max_tries=MAX_TRIES)
        if mail in self.encrypted:
            raise Refused(RefuseReason.MAIL_ENCRYPTED)
        return self.mails[mail]


class FakeSendNotes:
    """Notes in memory; `is_away` makes them take none. `kept_for` is how old they are."""

    def __init__(self) -> None:
        self.sent: dict[str, str] = {}
        self.begun: set[str] = set()
        self.kept_for: timedelta | None = None
        self.event_delay = timedelta(0)
        self.is_away = False
        self.asked = 0

    def note_sent(self, delivery: str, ses_id: str) -> bool:
        if not self.is_away:
            self.sent[delivery] = ses_id
        return not self.is_away

    def find(self, delivery: str) -> SendEvidence:
        self.asked += 1
        return SendEvidence(
            sent_as=self.sent.get(delivery),
            has_begun=delivery in self.begun,
            kept_for=self.kept_for,
            event_delay=self.event_delay,
            received_ago=timedelta(0),
        )

    def note_begun(self, delivery: str) -> None:
        if self.is_away:
            raise ConnectionError
        self.begun.add(delivery)
        self.kept_for = self.kept_for or timedelta(0)


class FakePresence:
    """Worker processes: this one, and those in `silent`."""

    def __init__(self) -> None:
        self.name = ""
        self.fresh = True
        self.silent: set[str] = set()

    def is_fresh(self) -> bool:
        return self.fresh

    def is_silent(self, name: str) -> bool:
        return name in self.silent


class FakeClockWatch:
    """Keeps what it is to compare: the database's time, and ours before and after."""

    def __init__(self) -> None:
        self.compared: list[tuple[datetime, Instant, Instant]] = []

    def compare(self, database: datetime, before: Instant, after: Instant) -> None:
        self.compared.append((database, before, after))


class FakeCanary:
    """Notes the steps of canaries."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def make(self, sender: str, recipient: str, now: datetime) -> bytes:
        return f"From: {sender}\r\nTo: {recipient}\r\nDate: {now}\r\n\r\n".encode()

    def note_begun(self) -> None:
        self.steps.append("begun")

    def note_sent(self, error_code: str | None = None) -> None:
        self.steps.append(f"not sent: {error_code}" if error_code else "sent")

    def note_forwarded(self, *, is_back: bool) -> None:
        self.steps.append("back" if is_back else "forwarded")


class FakeAccount:
    """An account that is as a test says: `fails` with a code, or `says` what it is."""

    def __init__(self) -> None:
        self.says = Account(14, 50_000, 100, may_send=True, standing="HEALTHY")
        self.fails = ""

    def fetch(self) -> Account:
        if self.fails:
            raise Unreadable(self.fails)
        return self.says


class FakeAccountNotes:
    """What is noted; a test may set any of it, and what was counted."""

    def __init__(self) -> None:
        self.state = AccountState()
        self.counted = Sending()

    def find(self) -> AccountState:
        return self.state

    def held(self) -> frozenset[str]:
        return self.state.held

    def note_account(self, account: Account, now: float) -> None:
        self.state = replace(self.state, account=account, read_at=now, failing="")

    def note_failing(self, code: str, now: float) -> None:
        self.state = replace(self.state, failing=code, failing_since=now)

    def note_judged(self, sending: Sending, held: frozenset[str], now: float) -> None:
        self.state = replace(self.state, sending=sending, held=held, judged_at=now)

    def count_sending(self, now: float) -> Sending:
        return self.counted


class FakeBrake:
    """Counts in memory."""

    def __init__(self) -> None:
        self._counted: dict[tuple[str, str], dict[str, datetime]] = {}

    def find_earlier(self, mask: str, correspondent: str, delivery: str, now: datetime) -> int:
        since = now - timedelta(hours=1)
        counted = self._counted.get((mask, correspondent), {})
        recent = {one: at for one, at in counted.items() if at > since}
        recent.setdefault(delivery, now)
        self._counted[mask, correspondent] = recent
        return list(recent).index(delivery)


class FakePace:
    """A pace without limit. `fails` is what the next waits raise; `meanwhile` runs in each wait."""

    def __init__(self) -> None:
        self.slowed_down = 0
        self.fails: Failures = ()
        self.meanwhile: Callable[[], None] = lambda: None

    def check_place(self) -> None:
        """Each has its place."""

    def wait_turn(self) -> None:
        self.meanwhile()
        failure, self.fails = _take(self.fails)
        if failure is not None:
            raise failure

    def slow_down(self) -> None:
        self.slowed_down += 1


class FakeControls:
    """The operators' controls."""

    def __init__(self) -> None:
        self.is_paused = False
        self.in_force: tuple[Freeze, ...] = ()

    def is_sending_paused(self) -> bool:
        return self.is_paused

    def freezes(self) -> tuple[Freeze, ...]:
        return self.in_force


class FakeMailer:
    """SES, with `domains` and their subdomains verified.

    `fails` is what the next sends raise, `fails_for` what sends to a recipient raise, `is_down`
    what checks raise. `meanwhile` runs during each send.
    """

    def __init__(self) -> None:
        self.domains = {"masks.example"}
        self.sent: list[Outgoing] = []
        self.fails: Failures = ()
        self.fails_for: dict[str, Exception] = {}
        self.is_down: Unavailable | None = None
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
                raise Unavailable(RetryReason.SENDER_UNAVAILABLE, Dependency.SES, "MessageRejected")
            if ses_limits.refusal_of(mail.raw):
                raise Refused(RefuseReason.SEND_REJECTED, ses_limits.CODE)
            self.sent.append(mail)
            return f"0100-{len(self.sent):04}"

    def check(self, sender: str) -> None:
        if self.is_down:
            raise self.is_down
        if not self._may_send(sender):
            raise Unavailable(RetryReason.SENDER_UNAVAILABLE, Dependency.SES, "MessageRejected")

    def mail_to(self, recipient: str) -> Message:
        """Return the only mail sent to this address."""
        (mail,) = (mail for mail in self.sent if mail.recipient == recipient)
        return message_from_bytes(mail.raw)

    def _may_send(self, sender: str) -> bool:
        domain = sender.rpartition("@")[2]
        return any(f".{domain}".endswith(f".{one}") for one in self.domains)


def _check(bucket: str) -> None:
    if bucket != BUCKET:
        raise Unavailable(RetryReason.MAIL_STORE_UNAVAILABLE, Dependency.S3, "NoSuchBucket")


def _take(failures: Failures) -> tuple[BaseException | None, Failures]:
    """Split off the first failure."""
    return (failures[0], failures[1:]) if failures else (None, ())
