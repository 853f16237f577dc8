"""What goes wrong, and how often: values that a test sets, and the dice that follow them.

A request that fails was either not carried out (`throttled`, `failed`) or, worse for the client,
carried out and not confirmed (`unconfirmed`, `cut`).
"""

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any

SERVICES = ("sqs", "s3", "ses", "sns")


class Outage(StrEnum):
    """How a service is out of order, until told otherwise."""

    NONE = "none"
    ERRORS = "errors"  # every request is answered with 503
    CUT = "cut"  # every connection is closed without an answer
    SILENT = "silent"  # no request is answered; all are cut when the outage ends


@dataclass(frozen=True, slots=True)
class ServiceFaults:
    """What is wrong with one service. Shares are of its requests, 0 to 1; together at most 1."""

    latency_ms: float = 0
    jitter_ms: float = 0
    """A request takes `latency_ms` and, evenly spread, up to `jitter_ms` more."""
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
            raise ValueError("throttled, failed, unconfirmed, cut: shares, together 0 to 1")
        if min(self.latency_ms, self.jitter_ms) < 0:
            raise ValueError("latency_ms, jitter_ms: 0 or more")


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong with AWS. Made without arguments: nothing, but that SQS keeps no order."""

    sqs: ServiceFaults = ServiceFaults()
    s3: ServiceFaults = ServiceFaults()
    ses: ServiceFaults = ServiceFaults()
    sns: ServiceFaults = ServiceFaults()
    duplicated: float = 0
    """The share of SQS's deliveries after which the message, though hidden, is delivered again."""
    undeleted: float = 0
    """The share of SQS's deletions that succeed and delete nothing: the message comes back."""
    reordered: int = 4
    """SQS gives any of so many of the oldest messages; 1 keeps their order."""
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
"""The latencies of AWS on a good day, seen from within its region."""


def from_json(given: dict[str, Any]) -> Faults:
    """Make faults of what `dataclasses.asdict` gave. Raises `ValueError` and `TypeError`."""
    services = {name: _service(given[name]) for name in SERVICES if name in given}
    return Faults(**given | services)


def _service(given: dict[str, Any]) -> ServiceFaults:
    return ServiceFaults(**given | {"outage": Outage(given.get("outage", Outage.NONE))})


class Verdict(StrEnum):
    """What becomes of one request."""

    ANSWERED = "answered"
    THROTTLED = "throttled"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"
    CUT = "cut"
    OUTAGE = "outage"


_BY_CHANCE = (Verdict.THROTTLED, Verdict.FAILED, Verdict.UNCONFIRMED, Verdict.CUT)


class Dice:
    """Draws each request's fate.

    Each service has dice of its own: in what order requests to different services arrive changes
    nothing for either.
    """

    def __init__(self) -> None:
        self.set(Faults())

    def set(self, faults: Faults) -> None:
        """Draw by these faults from now on, and from their seed."""
        self.faults = faults
        self.randoms = {name: Random(f"{name} {faults.seed}") for name in SERVICES}

    def of(self, service: str) -> ServiceFaults:
        """Give the present faults of a service."""
        found: ServiceFaults = getattr(self.faults, service)
        return found

    def delay_seconds(self, service: str) -> float:
        """Draw how long a request takes."""
        faults = self.of(service)
        return (faults.latency_ms + faults.jitter_ms * self.randoms[service].random()) / 1000

    def verdict(self, service: str) -> Verdict:
        """Draw what becomes of a request."""
        faults = self.of(service)
        if faults.outage is not Outage.NONE:
            return Verdict.OUTAGE
        drawn = self.randoms[service].random()
        for verdict in _BY_CHANCE:
            drawn -= getattr(faults, verdict)
            if drawn < 0:
                return verdict
        return Verdict.ANSWERED

    def is_so(self, share: float) -> bool:
        """Draw whether something happens to a message of SQS."""
        return share > 0 and self.randoms["sqs"].random() < share


def as_json(faults: Faults) -> dict[str, Any]:
    """Give faults as `from_json` takes them."""
    return dataclasses.asdict(faults)
