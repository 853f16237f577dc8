"""The fate of each message: forwarded once, or a named exception. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tests.lab.accounts import Account, Sending

GAP_SECONDS = (-1.0, 3.0)
"""When a worker must have been killed or stopped, relative to SES's acceptance, to explain a second
mail. Before: SES may accept a request after its sender died. After: the send is not recorded yet,
and a restarting database may delay that."""


class Fate(StrEnum):
    """The fate of a message; values are shown in the report."""

    FORWARDED = "forwarded once"
    IN_DOUBT_SENT = "in doubt: SES had it, and never said so"
    IN_DOUBT_NOT_SENT = "in doubt: SES did not have it"
    POISON = "dead-lettered for killing its workers, as it should, and kept in SQS"
    DEAD_LETTERED = "dead-lettered, with its reason, and kept in SQS"
    TWICE_EXPLAINED = "sent twice: its worker was killed between its call to SES and the record"
    TWICE = "sent twice without a reason"
    LOST = "lost"
    UNSETTLED = "sent once, but not recorded"


BAD = frozenset(Fate) - {Fate.FORWARDED, Fate.POISON}
"""SES's events leave no doubt, and no reason for a second mail."""

WITHOUT_EVENTS = frozenset({Fate.IN_DOUBT_SENT, Fate.IN_DOUBT_NOT_SENT, Fate.TWICE_EXPLAINED})
"""Bad fates that can't be helped without SES's events."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A message's fate and its explanation."""

    message: str
    fate: Fate
    detail: str = ""


def judge(
    account: Account, *, killed_at: Mapping[str, Sequence[float]], is_poison: bool = False
) -> Judged:
    """Judge one message. `killed_at` is when each process was killed or stopped.

    Poison is dead-lettered between attempts, so its delivery may be in doubt for ever.
    """
    if is_poison and not account.sendings and account.failures and account.is_kept:
        return Judged(account.name, Fate.POISON, account.failures[-1])
    return _judged(account, killed_at)


def _judged(account: Account, killed_at: Mapping[str, Sequence[float]]) -> Judged:
    name, sendings = account.name, account.sendings
    if len(sendings) > 1:
        return _twice(name, sendings, killed_at)
    if account.state == "in_doubt":
        fate = Fate.IN_DOUBT_SENT if sendings else Fate.IN_DOUBT_NOT_SENT
        return Judged(name, fate)
    if sendings:
        is_recorded = account.state == "finished"
        return Judged(name, Fate.FORWARDED if is_recorded else Fate.UNSETTLED)
    if account.failures and account.is_kept:
        return Judged(name, Fate.DEAD_LETTERED, account.failures[-1])
    return Judged(name, Fate.LOST, f"delivery: {account.state}, failures: {account.failures}")


def _twice(
    message: str, sendings: Sequence[Sending], killed_at: Mapping[str, Sequence[float]]
) -> Judged:
    details = []
    fate = Fate.TWICE_EXPLAINED
    for sending in sorted(sendings, key=lambda sending: sending.at)[:-1]:
        moments = [at - sending.at for at in killed_at.get(sending.process, ())]
        inside = [after for after in moments if GAP_SECONDS[0] <= after <= GAP_SECONDS[1]]
        if inside:
            details.append(
                f"{sending.process} was killed {inside[0] * 1000:+.0f} ms from SES's acceptance"
            )
        else:
            fate = Fate.TWICE
            details.append(f"{sending.process} was not killed")
    return Judged(message, fate, "; ".join(details))


def count(judged: Sequence[Judged]) -> Counter[Fate]:
    """Count the fates."""
    return Counter(one.fate for one in judged)
