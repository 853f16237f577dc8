"""Fault injection: the kinds and shares of faults that a test sets, and the dice that draw them.

A failed request was either not carried out (`throttled`, `failed`) or, worse for the client,
carried out but not confirmed (`unconfirmed`, `cut`). A `Refusal` answers every request with one of
AWS's errors.
"""

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any

SERVICES = ("sqs", "s3", "ses", "sns")


class Outage(StrEnum):
    """A service's outage, until the faults are set again."""

    NONE = "none"
    ERRORS = "errors"  # every request is answered with 503
    CUT = "cut"  # every connection is closed without an answer
    SILENT = "silent"  # no request is answered; all are cut when the outage ends


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error that answers every request: HTTP's status, AWS's code and its message."""

    status: int
    code: str
    message: str = ""
    is_carried_out: bool = False
    """Whether the request is carried out all the same, as behind a gateway that did not wait."""


@dataclass(frozen=True, slots=True)
class ServiceFaults:
    """The faults of one service. Shares are of its requests, 0 to 1, and add up to at most 1."""

    latency_ms: float = 0
    jitter_ms: float = 0
    """A request takes `latency_ms` plus a random time up to `jitter_ms`, evenly distributed."""
    throttled: float = 0
    failed: float = 0
    """Answered with status 500, and not carried out."""
    unconfirmed: float = 0
    """Carried out, and answered with status 500."""
    cut: float = 0
    """Carried out, and the connection closed without an answer."""
    outage: Outage = Outage.NONE
    refused: Refusal | None = None
    only: tuple[str, ...] = ()
    """The operations that can fail, such as `DeleteMessageBatch`; empty means all."""

    def __post_init__(self) -> None:
        shares = (self.throttled, self.failed, self.unconfirmed, self.cut)
        if min(shares) < 0 or sum(shares) > 1:
            raise ValueError("throttled, failed, unconfirmed, cut: shares that add up to 0 to 1")
        if min(self.latency_ms, self.jitter_ms) < 0:
            raise ValueError("latency_ms, jitter_ms: 0 or more")

    def concern(self, operation: str) -> bool:
        """Return whether this operation can fail."""
        return not self.only or operation in self.only

    def has_outage(self, operation: str) -> bool:
        """Return whether this operation is out of order."""
        return self.outage is not Outage.NONE and self.concern(operation)


@dataclass(frozen=True, slots=True)
class Faults:
    """The faults of AWS. By default none, except that SQS doesn't keep the order."""

    sqs: ServiceFaults = ServiceFaults()
    s3: ServiceFaults = ServiceFaults()
    ses: ServiceFaults = ServiceFaults()
    sns: ServiceFaults = ServiceFaults()
    duplicated: float = 0
    """The share of SQS's deliveries that are repeated while the message is hidden."""
    undeleted: float = 0
    """The share of SQS's deletions that report success but delete nothing."""
    reordered: int = 4
    """SQS picks each delivery from this many oldest messages; 1 keeps their order."""
    invisible_seconds: float = 0
    """How long S3 denies that it has a new object."""
    events_lost: float = 0
    """The share of SES's `Send` events that are not published."""
    event_delay_ms: float = 0
    """How long the others take."""
    seed: int = 0

    def __post_init__(self) -> None:
        if not all(0 <= one <= 1 for one in (self.duplicated, self.undeleted, self.events_lost)):
            raise ValueError("duplicated, undeleted, events_lost: a share, 0 to 1")
        if self.event_delay_ms < 0:
            raise ValueError("event_delay_ms: 0 or more")
        if self.reordered < 1:
            raise ValueError("reordered: 1 or more")
        if self.invisible_seconds < 0:
            raise ValueError("invisible_seconds: 0 or more")


TYPICAL = Faults(
    sqs=ServiceFaults(latency_ms=10, jitter_ms=5),
    s3=ServiceFaults(latency_ms=30, jitter_ms=15),
    ses=ServiceFaults(latency_ms=80, jitter_ms=40),
)
"""Assumed latencies of AWS within its region: not measured."""


def from_json(given: dict[str, Any]) -> Faults:
    """Make faults from the result of `as_json`. Raises `ValueError` and `TypeError`."""
    services = {name: _service(given[name]) for name in SERVICES if name in given}
    return Faults(**given | services)


def _service(given: dict[str, Any]) -> ServiceFaults:
    refused = given.get("refused")
    values: dict[str, Any] = {
        "outage": Outage(given.get("outage", Outage.NONE)),
        "refused": Refusal(**refused) if refused else None,
        "only": tuple(given.get("only", ())),
    }
    return ServiceFaults(**given | values)


class Fate(StrEnum):
    """How one request ends."""

    ANSWERED = "answered"
    THROTTLED = "throttled"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"
    CUT = "cut"
    OUTAGE = "outage"
    REFUSED = "refused"


_BY_CHANCE = (Fate.THROTTLED, Fate.FAILED, Fate.UNCONFIRMED, Fate.CUT)


class Dice:
    """Draws the fate of each request.

    Each service has its own dice, so the order of requests to different services doesn't matter.
    """

    def __init__(self) -> None:
        self.set(Faults())

    def set(self, faults: Faults) -> None:
        """Use these faults from now on, and restart from their seed."""
        self.faults = faults
        self.randoms = {name: Random(f"{name} {faults.seed}") for name in SERVICES}

    def of(self, service: str) -> ServiceFaults:
        """Return the current faults of a service."""
        found: ServiceFaults = getattr(self.faults, service)
        return found

    def delay_seconds(self, service: str) -> float:
        """Draw how long a request takes."""
        faults = self.of(service)
        return (faults.latency_ms + faults.jitter_ms * self.randoms[service].random()) / 1000

    def fate(self, service: str, operation: str) -> Fate:
        """Draw how a request ends."""
        faults = self.of(service)
        if not faults.concern(operation):
            return Fate.ANSWERED
        if faults.has_outage(operation):
            return Fate.OUTAGE
        if faults.refused is not None:
            return Fate.REFUSED
        drawn = self.randoms[service].random()
        for fate in _BY_CHANCE:
            drawn -= getattr(faults, fate)
            if drawn < 0:
                return fate
        return Fate.ANSWERED

    def happens(self, share: float) -> bool:
        """Draw whether something with this probability happens to a message of SQS."""
        return share > 0 and self.randoms["sqs"].random() < share

    def loses_event(self) -> bool:
        """Draw whether an event of SES is lost."""
        share = self.faults.events_lost
        return share > 0 and self.randoms["sns"].random() < share


def as_json(faults: Faults) -> dict[str, Any]:
    """Return faults as JSON, for `from_json`."""
    return dataclasses.asdict(faults)
