"""What senders, mailboxes and operators do amid the faults, drawn from the seed. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Act(StrEnum):
    """Kinds of acts; values are shown in the report."""

    MAILBOX_GONE = "a mailbox bounces: gone"
    MAILBOX_FULL = "a mailbox bounces: full"
    MAILBOX_LATER = "a mailbox bounces: later"
    REFUSED = "a mailbox refuses mails for their content"
    VACATION = "a mailbox sends vacation replies"
    COMPLAINT = "an owner complains"
    SPAM = "spam for an owner who blocks it"
    VIRUS = "a virus"
    FLOOD = "a flood to one mask"
    OVER_LIMIT = "a flood over its mask's daily limit, and the next day"
    RELEASE = "an operator releases what is held as spam"
    DISCARD = "an operator discards a held mail"
    EXPIRE = "a held mail expires"


OF_MAILBOXES = (
    Act.MAILBOX_GONE,
    Act.MAILBOX_FULL,
    Act.MAILBOX_LATER,
    Act.REFUSED,
    Act.VACATION,
)
_USUAL = (Act.OVER_LIMIT, Act.MAILBOX_GONE, Act.SPAM, Act.RELEASE)
"""In every run: without them nothing is held, and nothing released."""
_DRAWN = tuple(act for act in Act if act is not Act.OVER_LIMIT)
"""Those that may happen several times. A day passes only once."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One act, `at` seconds after the start."""

    at: float
    act: Act


def drawn_acts(number: int, seconds: float, seed: int) -> list[Drawn]:
    """Return so many acts, in order. A seed's faults don't depend on them."""
    chance = Random(f"acts {seed}")
    acts = [*_USUAL, *chance.choices(_DRAWN, k=max(0, number - len(_USUAL)))]
    drawn = [Drawn(chance.uniform(0.05, 0.85) * seconds, act) for act in acts[:number]]
    return sorted(drawn, key=lambda one: one.at)
