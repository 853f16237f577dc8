"""The account that we send with: what SES says of it, and what came back of its mail."""

from dataclasses import dataclass, field
from enum import StrEnum


class Standing(StrEnum):
    """What AWS makes of the account. Other words of SES's are kept as they are."""

    HEALTHY = "HEALTHY"
    PROBATION = "PROBATION"
    SHUTDOWN = "SHUTDOWN"


@dataclass(frozen=True, slots=True)
class Account:
    """The account, as SES describes it. `per_day` is None where SES sets no quota."""

    per_second: float
    per_day: float | None
    sent_today: float
    """Mails of the last 24 hours, everything that the account sends."""
    may_send: bool
    standing: str

    @property
    def is_paused(self) -> bool:
        """Return whether SES takes no mail from it."""
        return not self.may_send or self.standing == Standing.SHUTDOWN

    @property
    def is_under_review(self) -> bool:
        """Return whether AWS reviews it, and may pause it."""
        return self.standing == Standing.PROBATION

    @property
    def quota_used(self) -> float:
        """Return the share of its daily quota that is used; 0 without one."""
        return self.sent_today / self.per_day if self.per_day else 0.0


@dataclass(frozen=True, slots=True)
class Sending:
    """How many mails were sent, and how many of them bounced for good or were reported as spam."""

    sent: int = 0
    bounced: int = 0
    complained: int = 0

    def __sub__(self, other: "Sending") -> "Sending":
        return Sending(
            max(0, self.sent - other.sent),
            max(0, self.bounced - other.bounced),
            max(0, self.complained - other.complained),
        )


@dataclass(frozen=True, slots=True)
class ReputationLimits:
    """The shares of bounces and of complaints at which mail is held, if `may_brake`."""

    bounces: float = 0.04
    complaints: float = 0.0008
    may_brake: bool = True


@dataclass(frozen=True, slots=True)
class AccountState:
    """What is known of the account. Times are seconds since 1970.

    Of what was never read, or not for long, nothing is known. `failing` is the code of the error
    with which reading it fails. `held` are the keys of the senders whose mail is held.
    """

    account: Account | None = None
    read_at: float | None = None
    standing_since: float | None = None
    failing: str = ""
    failing_since: float | None = None
    sending: Sending | None = None
    judged_at: float | None = None
    held: frozenset[str] = field(default_factory=frozenset)
    held_since: float | None = None


class Unreadable(Exception):
    """The account can't be read; `code` is AWS's code for the error, or the error's name."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
