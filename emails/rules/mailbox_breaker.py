"""Decides what a mailbox breaker does next. Pure.

    closed ──(the mailbox bounced)──▶ open ──(due)──▶ probing ──(no bounce within `wait`)──▶ closed
                                       ▲                 │
                                       └──(the probe bounced: the next step)

Only the probe's own bounce leads to the next step: older mails may bounce for hours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TypeAlias, assert_never

from emails.values.mailboxes import MailboxBreaker, Probe, ProbeProgress

_MAX_WAIT = timedelta(days=1)
_MARGIN = 1.25


class CloseReason(StrEnum):
    """Why a breaker was closed."""

    PROBE_ARRIVED = "probe_arrived"
    ADDRESS_CHANGED = "address_changed"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Close:
    """Close it, and release the held mail."""

    reason: CloseReason


@dataclass(frozen=True, slots=True)
class SendProbe:
    """Release the oldest held mail as the probe; without one, wait for the next to arrive."""


@dataclass(frozen=True, slots=True)
class StartWaiting:
    """The probe was sent, but nobody noted when: its time to bounce begins now."""


@dataclass(frozen=True, slots=True)
class ForgetProbe:
    """The probe was not sent: another mail must be it."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is due."""


Action: TypeAlias = Close | SendProbe | StartWaiting | ForgetProbe | Wait


def next_action(breaker: MailboxBreaker) -> Action:
    """Decide what is due now."""
    if not breaker.is_about_current_address:
        return Close(CloseReason.ADDRESS_CHANGED)
    if breaker.probe is None:
        return SendProbe() if breaker.next_probe_at <= breaker.now else Wait()
    return _after_probe(breaker, breaker.probe)


def _after_probe(breaker: MailboxBreaker, probe: Probe) -> Action:
    match probe.progress:
        case ProbeProgress.UNDERWAY:
            return Wait()
        case ProbeProgress.FAILED:
            return ForgetProbe()
        case ProbeProgress.SENT:
            if probe.sent_at is None:
                return StartWaiting()
            is_over = probe.sent_at + breaker.wait <= breaker.now
            return Close(CloseReason.PROBE_ARRIVED) if is_over else Wait()
        case _:
            assert_never(probe.progress)


def time_to_probe(step: int, schedule: Sequence[timedelta]) -> timedelta:
    """Return how long to wait for the next probe after `step` of them bounced."""
    return schedule[min(step, len(schedule) - 1)]


def time_to_bounce(at_least: timedelta, took: timedelta | None) -> timedelta:
    """Return how long to wait for a probe's bounce, where the last bounce `took` so long.

    SES tries for up to 14 hours where a server answers "later". A probe that has not bounced within
    ten minutes proves nothing there.
    """
    if took is None:
        return at_least
    return max(at_least, min(took * _MARGIN, _MAX_WAIT))
