"""Whose mail is held so that AWS doesn't review the account that we send with. Pure.

AWS reviews an account when 5 % of its mails bounce for good or 0.1 % are reported as spam, and then
pauses it: nobody gets mail any more. Before that, the mail of the worst senders is held: of the
masks and the senders' domains whose own mail bounces or is reported most. Held are as few as it
takes to bring the rest well below our limits, and together never more than a part of all mail: what
comes back from everywhere is no sender's fault, and holding everybody's mail helps nobody.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from emails.values.account import ReputationLimits, Sending
from emails.values.facts import MaskRef

_EASED = 0.75
"""Held mail is released when the rates are below this part of their limits: no flapping."""

_MOST_HELD = 0.25
"""The share of a day's mail that may be held, at most."""


class Trouble(StrEnum):
    """What comes back of a mail."""

    BOUNCES = "bounces"
    COMPLAINTS = "complaints"


LEAST = {Trouble.BOUNCES: 20, Trouble.COMPLAINTS: 5}
"""With fewer in 24 hours a rate says nothing: a few mails must not trip it."""

_LEAST_OF_SENDER = {Trouble.BOUNCES: 5, Trouble.COMPLAINTS: 2}


def mask_key(mask: MaskRef) -> str:
    """Name a mask among the senders."""
    return f"mask {mask}"


def sender_key(sender: str) -> str:
    """Name a sender's domain among the senders; `sender` is its keyed hash."""
    return f"sender {sender}"


def share(sending: Sending, trouble: Trouble) -> float:
    """Return which share of the mails came to this; 0 if none was sent."""
    return _number(sending, trouble) / sending.sent if sending.sent else 0.0


def find_troubles(
    total: Sending, limits: ReputationLimits, *, is_braking: bool = False
) -> list[Trouble]:
    """Return what is over its limit; or while mail is held, what has not eased yet."""
    factor = _EASED if is_braking else 1.0
    return [
        one
        for one in Trouble
        if _number(total, one) >= LEAST[one] and share(total, one) >= factor * _limit(limits, one)
    ]


def choose_held(
    total: Sending, by_sender: Mapping[str, Sending], limits: ReputationLimits, *, is_braking: bool
) -> frozenset[str]:
    """Choose whose mail to hold: the worst first, until the rest is well below the limits.

    `total` is the mail of the last 24 hours, `by_sender` what masks and senders' domains have of
    it. A mail counts for both, so holding both takes it off twice: fewer are held then, not more.
    """
    held: dict[str, Sending] = {}
    if not limits.may_brake:
        return frozenset()
    for trouble in find_troubles(total, limits, is_braking=is_braking):
        rest = _without(total, held.values())
        for key in _worst_first(by_sender, trouble, limits):
            is_eased = share(rest, trouble) < _EASED * _limit(limits, trouble)
            if is_eased or key in held:
                continue
            held_mails = sum(one.sent for one in held.values())
            if held_mails + by_sender[key].sent <= _MOST_HELD * total.sent:
                held[key] = by_sender[key]
                rest -= by_sender[key]
    return frozenset(held)


def _worst_first(
    by_sender: Mapping[str, Sending], trouble: Trouble, limits: ReputationLimits
) -> list[str]:
    """Return the senders that are over the limit themselves, whose holding helps most first."""
    limit = _limit(limits, trouble)
    over = [
        key
        for key, one in by_sender.items()
        if _number(one, trouble) >= _LEAST_OF_SENDER[trouble] and share(one, trouble) >= limit
    ]
    return sorted(over, key=lambda key: (-_excess(by_sender[key], trouble, limit), key))


def _excess(one: Sending, trouble: Trouble, limit: float) -> float:
    """Return how many more of a sender's mails came back than may."""
    return _number(one, trouble) - limit * one.sent


def _without(total: Sending, others: Iterable[Sending]) -> Sending:
    for other in others:
        total -= other
    return total


def _limit(limits: ReputationLimits, trouble: Trouble) -> float:
    return limits.bounces if trouble is Trouble.BOUNCES else limits.complaints


def _number(sending: Sending, trouble: Trouble) -> int:
    return sending.bounced if trouble is Trouble.BOUNCES else sending.complained
