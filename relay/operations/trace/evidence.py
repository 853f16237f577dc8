"""What Redis and PostgreSQL know of mails, as values: ids, words and times. Pure.

Whoever can write to Redis may have written anything there: what doesn't look like ours is left out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bridge.ledger.story import Event
from runtime import story
from runtime.message_context import first_id, from_text

REDIS, POSTGRESQL = "redis", "postgresql"

_NOT_OF_ONE_MAIL = frozenset({"notice", "digest"})
"""Purposes of deliveries whose `sns_message_id` is no message's: many mails may share it."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened: a word, further words and ids by name, and who remembers it."""

    at: datetime
    what: str
    fields: Mapping[str, str] = field(default_factory=dict)
    source: str = REDIS


@dataclass(frozen=True, slots=True)
class Ids:
    """Ids that belong together. `mails` are S3 keys and SES's ids; `deliveries` are references."""

    sqs: frozenset[str] = frozenset()
    sns: frozenset[str] = frozenset()
    mails: frozenset[str] = frozenset()
    deliveries: frozenset[str] = frozenset()

    def __or__(self, other: "Ids") -> "Ids":
        return Ids(
            self.sqs | other.sqs,
            self.sns | other.sns,
            self.mails | other.mails,
            self.deliveries | other.deliveries,
        )

    @property
    def all(self) -> frozenset[str]:
        """All of them."""
        return self.sqs | self.sns | self.mails | self.deliveries

    def meets(self, other: "Ids") -> bool:
        """Whether any id is in both."""
        return bool(
            self.sqs & other.sqs
            or self.sns & other.sns
            or self.mails & other.mails
            or self.deliveries & other.deliveries
        )


@dataclass(frozen=True, slots=True)
class Told:
    """An event in Redis: whose it is, and what it tells. `masks` are names such as `random-1`."""

    ids: Ids
    steps: tuple[Step, ...]
    masks: frozenset[str] = frozenset()
    trace_id: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A delivery in PostgreSQL. `purpose` is empty if an older release made it."""

    reference: str
    sns_message_id: str
    state: str
    outcome: str
    reason: str
    created_at: datetime
    finished_at: datetime | None
    purpose: str = ""
    mask: str = ""
    sqs_message_id: str = ""
    mail_id: str = ""
    sent_as: str = ""

    @property
    def is_about_a_mail(self) -> bool:
        """Whether its message brought a mail or feedback: it is no notice and no digest."""
        return self.purpose not in _NOT_OF_ONE_MAIL

    @property
    def ids(self) -> Ids:
        """Its ids. A notice's own SNS id leads to other mails, so it is left out."""
        return Ids(
            _set(self.sqs_message_id),
            _set(self.sns_message_id if self.is_about_a_mail else ""),
            _set(self.mail_id, self.sent_as),
            _set(self.reference),
        )


@dataclass(frozen=True, slots=True)
class HeldRow:
    """A held mail in PostgreSQL."""

    number: int
    sns_message_id: str
    reason: str
    state: str
    outcome: str
    received_at: datetime
    held_at: datetime
    released_at: datetime | None
    ended_at: datetime | None
    expires_at: datetime


def read_event(event: Event) -> Iterator[Told]:
    """Read an event of the stream; one that many messages share is one for each."""
    if event.what in _OF_MANY:
        for message_id in event.detail.split(" "):
            step = Step(_moment(event.at_ms), event.what)
            yield Told(Ids(_set(first_id(message_id))), (step,))
    elif event.what == "confirmed":
        words = [first_id(word) for word in event.detail.split(" ")]
        for delivery, ses_id in zip(words[::2], words[1::2], strict=False):
            ids = Ids(mails=_set(ses_id), deliveries=_set(delivery))
            yield Told(ids, (_step(_moment(event.at_ms), event.what, [delivery, ses_id]),))
    else:
        yield _read_one(event)


_OF_MANY = frozenset({"deleted", "kept"})


def _read_one(event: Event) -> Told:
    at = _moment(event.at_ms)
    known = from_text(event.sqs_message_id, event.about)
    ids = Ids(_set(known.sqs_message_id), _set(known.sns_message_id), _set(known.mail_id))
    head, _, attempt = event.detail.partition("|")
    words = [first_id(word) for word in head.split(" ")]
    steps = [*_before(event.what, words, known.received_at_ms), _step(at, event.what, words)]
    masks: set[str] = set()
    for one in story.read(attempt):
        about = [first_id(word) for word in one.about]
        steps.append(_step(at - timedelta(milliseconds=one.before_ms), one.word, about))
        ids |= _ids_of(one.word, about)
        masks |= {about[0]} if one.word == "mask" and about else set()
    return Told(ids, tuple(steps), frozenset(masks), known.trace_id)


_NAMES = {
    "enqueued": ("sqs_queue", "", "receives", "queue"),
    "in_flight": ("sqs_queue", "", "receives"),
    "done": ("sqs_queue", "", "receives"),
    "failed": ("sqs_queue", "", "receives"),
    "begun": ("worker",),
    "worker_died": ("worker",),
    "attempt_failed": ("reason",),
    "ended": ("state", "reason"),
    "confirmed": ("delivery", "ses_message_id"),
    "claimed": ("delivery",),
    "sent": ("delivery", "ses_message_id"),
    "settled": ("outcome", "reason", "mask"),
    "settled_before": ("outcome", "reason"),
    "not_settled": ("reason", "error_code"),
    "mask": ("mask",),
}
"""What the words behind an event or a step are."""


def _step(at: datetime, what: str, words: list[str]) -> Step:
    names = _NAMES.get(what, ("reason",))
    given = zip(names, words, strict=False)
    return Step(at, first_id(what), {name: word for name, word in given if name and word})


def _before(what: str, words: list[str], received_at_ms: int) -> Iterator[Step]:
    """What a dispatch tells of the time before: when SES and SQS had the mail."""
    if what != "enqueued":
        return
    sent = words[1] if len(words) > 1 else ""
    if received_at_ms:
        yield Step(_moment(received_at_ms), "received_by_ses")
    if sent.isdigit() and 0 < len(sent) < 15 and int(sent):
        yield Step(_moment(int(sent)), "sent_to_sqs")


def _ids_of(word: str, about: list[str]) -> Ids:
    match word, about:
        case "claimed", [delivery]:
            return Ids(deliveries=_set(delivery))
        case "sent", [delivery, ses_id]:
            return Ids(mails=_set(ses_id), deliveries=_set(delivery))
        case _:
            return Ids()


def _moment(ms: int) -> datetime:
    try:
        return datetime.fromtimestamp(ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


def _set(*ids: str) -> frozenset[str]:
    return frozenset(one for one in ids if one)
