"""The values behind "sent once": claims on a delivery, and the mail that is sent for it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from emails.values.outcomes import Outcome

RELEASED = datetime(1970, 1, 1, tzinfo=UTC)
"""The end of a claim that was given back before anything was sent."""

NO_END = datetime(9999, 12, 31, tzinfo=UTC)
"""The end of a doubt that only an operator settles."""

EVENTS_COME_BACK = timedelta(seconds=90)
"""How long after Redis was wiped the bridges have noted all recent `Send` events again."""

BEGUN_SENDS_KEPT = timedelta(hours=6)
"""How long it is noted that a worker was about to send a mail."""

_MARGIN = timedelta(seconds=30)
_MARGIN_AFTER_WAITING = timedelta(seconds=2)
"""How much longer than a delivery's age notes must have been kept, lest a clock that was set in
between fakes a proof: more where nothing was waited for."""


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment by this machine's two clocks: the calendar's, and the seconds since it booted.

    Somebody may set the first. The second goes on while the machine is suspended, but not while a
    hypervisor holds it.
    """

    wall: datetime
    uptime_seconds: float

    def since(self, earlier: "Instant") -> timedelta:
        """Return how much time has passed: by the clock that says more, so never too little."""
        uptime = timedelta(seconds=self.uptime_seconds - earlier.uptime_seconds)
        return max(self.wall - earlier.wall, uptime)


@dataclass(frozen=True, slots=True)
class Claim:
    """We hold the claim on this delivery until `until`, by the database's clock.

    `until` also identifies the claim. This machine's clock may differ, so we judge the claim's age
    by the time that has passed since `started`, just before we asked for it. `reference` names the
    delivery outside of the database. `sent_as` is SES's id if SES is known to have the mail.
    `is_reserved`: an earlier attempt has reserved the mail's place in a daily limit.
    """

    delivery_id: int
    reference: str
    until: datetime
    started: Instant
    lifetime: timedelta
    sent_as: str | None = None
    is_reserved: bool = False

    @property
    def claimed_at(self) -> datetime:
        """When the database gave the claim, by its clock."""
        return self.until - self.lifetime

    def has_expired(self, now: Instant) -> bool:
        """Return whether another worker may hold the claim now."""
        return now.since(self.started) >= self.lifetime


@dataclass(frozen=True, slots=True)
class Finished:
    """An earlier attempt finished this delivery, with this outcome."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Unsettled:
    """An earlier attempt left this delivery: still claimed, or in doubt.

    `until` is when its claim or its doubt ends, `created_at` when it was first claimed, and `now`
    is the time, all by the database's clock. `worker` is the process that claimed it, if known, and
    `is_connected` whether the database still has a connection of it.
    """

    delivery_id: int
    reference: str
    is_in_doubt: bool
    until: datetime
    created_at: datetime
    now: datetime
    worker: str = ""
    is_connected: bool = False

    @property
    def is_over(self) -> bool:
        """Return whether its claim or its doubt has ended."""
        return self.until <= self.now

    @property
    def was_released(self) -> bool:
        """Return whether the earlier attempt gave its claim back, having sent nothing."""
        return not self.is_in_doubt and self.until <= RELEASED

    @property
    def is_for_an_operator(self) -> bool:
        """Return whether it is in doubt until an operator decides."""
        return self.is_in_doubt and self.until >= NO_END


ClaimResult: TypeAlias = Claim | Finished | Unsettled


@dataclass(frozen=True, slots=True)
class SendEvidence:
    """What is known of a send outside of the database.

    `sent_as` is SES's id if SES has the mail, `has_begun` says that a worker was about to send it.
    `kept_for` is how long nothing of this has been lost, None if that is unknown; `event_delay` is
    how long SES's `Send` events take to reach us at the moment. `are_events_late` says that the
    bridges take little now, or did so until a moment ago, and `received_ago` how long ago one last
    began to receive, None if that is unknown.
    """

    sent_as: str | None = None
    has_begun: bool = False
    kept_for: timedelta | None = None
    event_delay: timedelta = timedelta(0)
    are_events_late: bool = False
    received_ago: timedelta | None = None

    def has_all_events(self, age: timedelta) -> bool:
        """Return whether every event about a delivery of this age was taken and is noted.

        Either nothing was lost since before the delivery, or the bridges have noted it again.
        """
        enough = min(EVENTS_COME_BACK, age + _MARGIN_AFTER_WAITING)
        is_kept = self.kept_for is not None and self.kept_for >= enough
        return is_kept and not self.are_events_late

    def excludes_a_send(self, age: timedelta) -> bool:
        """Return whether no attempt at a delivery of this age has begun to send.

        Compares durations, each by one clock: Redis's clock and the database's may differ.
        """
        is_complete = self.kept_for is not None and age + _MARGIN < self.kept_for
        return is_complete and not self.has_begun and age + _MARGIN < BEGUN_SENDS_KEPT


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A mail ready to send. SES returns `tags` with its bounces and complaints."""

    raw: bytes
    sender: str
    recipient: str
    tags: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sent:
    """A mail that SES accepted: SES's id, the size in bytes, and how many trackers were removed.

    `sender` is the keyed hash of the domain that it provably came from.
    """

    message_id: str
    size: int
    trackers_removed: int = 0
    sender: str | None = None


class SendInDoubt(Exception):
    """No answer came from SES: it may or may not have sent the mail."""
