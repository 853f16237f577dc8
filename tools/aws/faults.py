"""Fault injection: the kinds and shares of faults that a test sets, and the dice that draw them.

A failed request was either not carried out (`throttled`, `failed`) or, worse for the client,
carried out but not confirmed (`unconfirmed`, `cut`).
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

    def __post_init__(self) -> None:
        shares = (self.throttled, self.failed, self.unconfirmed, self.cut)
        if min(shares) < 0 or sum(shares) > 1:
            raise ValueError("throttled, failed, unconfirmed, cut: shares that add up to 0 to 1")
        if min(self.latency_ms, self.jitter_ms) < 0:
            raise ValueError("latency_ms, jitter_ms: 0 or more")


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
    seed: int = 0

    def __post_init__(self) -> None:
        if not (0 <= self.duplicated <= 1 and 0 <= self.undeleted <= 1):
            raise ValueError("duplicated, undeleted: a share, 0 to 1")
        if self.reordered < 1:
            raise ValueError("reordered: 1 or more")


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
    return ServiceFaults(**given | {"outage": Outage(given.get("outage", Outage.NONE))})


class Fate(StrEnum):
    """How one request ends."""

    ANSWERED = "answered"
    THROTTLED = "throttled"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"
    CUT = "cut"
    OUTAGE = "outage"


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

    def fate(self, service: str) -> Fate:
        """Draw how a request ends."""
        faults = self.of(service)
        if faults.outage is not Outage.NONE:
            return Fate.OUTAGE
        drawn = self.randoms[service].random()
        for fate in _BY_CHANCE:
            drawn -= getattr(faults, fate)
            if drawn < 0:
                return fate
        return Fate.ANSWERED

    def happens(self, share: float) -> bool:
        """Draw whether something with this probability happens to a message of SQS."""
        return share > 0 and self.randoms["sqs"].random() < share


def as_json(faults: Faults) -> dict[str, Any]:
    """Return faults as JSON, for `from_json`."""
    return dataclasses.asdict(faults)
