"""One delivery, once: claim → work → record. And what a failure at each of these points means.

    claim     nobody else is at it; a finished one only gives its outcome again
    work      load, decide, fetch, rewrite, send. Nothing is sent before its last step, so a
              failure gives the claim back. No database transaction is open meanwhile.
    send      with a claim that ran out, nothing is sent. SES said no → as any failure. No answer →
              the delivery is in doubt, and is not tried again by itself: it may have been sent. An
              operator decides.
    record    one transaction; repeated for a while when the database is away

What remains: a process that dies, or a database that stays away, between SES's yes and that one
transaction. Then the claim runs out, and the mail is sent again.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, assert_never

from emails import events
from emails.errors import NotFinished, Refused
from emails.facts import MaskRef, Policy
from emails.notifications import StoredMail
from emails.once import Claim, ClaimedElsewhere, Finished, InDoubt, Outgoing
from emails.outcomes import Outcome, RefuseReason, RetryReason
from emails.rules.notices import NoticeKind

if TYPE_CHECKING:
    from emails.aws import Mailer, MailStore
    from emails.mime import Note
    from emails.pace import Pace
    from emails.store import Store

_RECORD_DELAYS_SECONDS = (0.1, 0.3, 1.0, 2.0, 5.0, 10.0)


class MakeNote(Protocol):
    """Makes the header and footer of a forwarded mail."""

    def __call__(self, mask: str, language: str, trackers_removed: Mapping[str, int]) -> "Note":
        """Make them for a mask, in its owner's language."""


class MakeNotice(Protocol):
    """Makes the mail of a notice."""

    def __call__(
        self, kind: NoticeKind, mask: str, recipient: str, language: str, now: datetime
    ) -> bytes:
        """Make the notice about a mask, for its owner, in the owner's language."""


@dataclass(frozen=True, slots=True)
class Edges:
    """What can fail remotely, and what was read from the settings. Made once a process."""

    policy: Policy
    store: "Store"
    mail_store: "MailStore"
    discard: Callable[[StoredMail], None]
    mailer: "Mailer"
    pace: "Pace"
    make_note: MakeNote
    make_notice: MakeNotice
    trackers: frozenset[str]
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Job:
    """One notification that is being carried out, at the time `now`."""

    edges: Edges
    sns_message_id: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Done:
    """What the work led to; `record` writes it down, in one transaction."""

    outcome: Outcome
    mask: MaskRef | None
    record: Callable[[], None]
    was_sent: bool = False


def settled(job: Job, claimed: Claim, outcome: Outcome, mask: MaskRef | None = None) -> Done:
    """Make the `Done` of a delivery for which nothing is sent."""
    store = job.edges.store
    return Done(outcome, mask, lambda: store.record_settled(claimed, outcome, mask, job.now))


def once(job: Job, purpose: str, recipient: str, work: Callable[[Claim], Done]) -> Outcome:
    """Do the work if it was not done, and give its outcome.

    Raises `NotFinished`, `Refused`, and whatever else the work raises.
    """
    result = job.edges.store.claim(job.sns_message_id, purpose, recipient, job.now)
    match result:
        case Finished(outcome):
            events.settled_before(outcome, job.sns_message_id)
            return outcome
        case ClaimedElsewhere():
            raise NotFinished(RetryReason.CLAIMED_ELSEWHERE)
        case InDoubt():
            raise Refused(RefuseReason.SEND_IN_DOUBT)
        case Claim():
            return _carry_out(job, result, work)
        case _:
            assert_never(result)


def _carry_out(job: Job, claimed: Claim, work: Callable[[Claim], Done]) -> Outcome:
    try:
        done = work(claimed)
        if not done.was_sent:
            done.record()
    except Exception as error:
        if getattr(error, "reason", None) != RefuseReason.SEND_IN_DOUBT:
            # A claim that can't be given back runs out by itself.
            with suppress(NotFinished):
                job.edges.store.record_released(claimed, job.now)
        raise
    if done.was_sent:
        _record_sent(job, claimed, done)
    events.settled(done.outcome, job.sns_message_id, done.mask)
    return done.outcome


def send(job: Job, claimed: Claim, mail: Outgoing) -> str:
    """Send the mail; gives SES's id for it. Raises `Refused` or `NotFinished`: it was not sent.

    Where that isn't sure, the delivery is in doubt from now on.
    """
    job.edges.pace.wait_turn()
    if job.edges.clock() >= claimed.until:
        # This machine stood still, and its other clocks with it; somebody may have taken over.
        raise NotFinished(RetryReason.CLAIMED_ELSEWHERE)
    try:
        return job.edges.mailer.send(mail)
    except NotFinished as error:
        if error.reason == RetryReason.SENDER_THROTTLED:
            job.edges.pace.slow_down()
        raise
    except Refused:
        raise
    except BaseException as error:
        # An interrupt counts as well: SES may have the mail while we don't have its answer.
        with suppress(NotFinished):
            _firmly(job, lambda: job.edges.store.record_in_doubt(claimed))
        if isinstance(error, Exception):
            raise Refused(RefuseReason.SEND_IN_DOUBT) from error
        raise


def _record_sent(job: Job, claimed: Claim, done: Done) -> None:
    """Write down that a mail was sent: whatever goes wrong here, it must not be sent again."""
    store = job.edges.store
    try:
        try:
            _firmly(job, done.record)
        except NotFinished:
            raise
        except BaseException as error:
            # The time limit, or a row that is gone: do without the counters.
            events.counted_wrong(job.sns_message_id, error)
            _firmly(job, lambda: store.record_settled(claimed, done.outcome, None, job.now))
            if not isinstance(error, Exception):
                raise
    except NotFinished as error:
        raise Refused(RefuseReason.SENT_NOT_RECORDED) from error


def _firmly(job: Job, record: Callable[[], None]) -> None:
    for delay_seconds in _RECORD_DELAYS_SECONDS:
        try:
            record()
        except NotFinished:
            job.edges.sleep(delay_seconds)
        else:
            return
    record()
