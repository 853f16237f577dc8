"""The fate of each message: forwarded once, held, or a named exception. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tests.lab.accounts import Account, Keeping, Sending

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
    REFUSED = "dead-lettered as unreadable, as it should, and kept in SQS"
    DEAD_LETTERED = "dead-lettered, with its reason, and kept in SQS"
    TWICE_EXPLAINED = "sent twice: its worker was killed between its call to SES and the record"
    TWICE = "sent twice without a reason"
    LOST = "lost"
    UNSETTLED = "sent once, but not recorded"

    BOUNCED = "forwarded once, and its mailbox refused it"
    HELD = "held, with its mail in S3"
    ENDED = "held until it expired, or somebody discarded it"
    DESTROYED = "destroyed: blocked, a virus, a loop, or to no mask"
    WRONGLY_DESTROYED = "destroyed for no such reason"
    GONE_WHILE_HELD = "held, but its mail is not in S3"
    ENDED_EARLY = "expired before its time"
    SENT_AND_HELD = "forwarded, and still held"
    BOUNCED_UNHEARD = "released, bounced, and not held again"


_GOOD = frozenset(
    {
        Fate.FORWARDED,
        Fate.POISON,
        Fate.REFUSED,
        Fate.BOUNCED,
        Fate.HELD,
        Fate.ENDED,
        Fate.DESTROYED,
    }
)
BAD = frozenset(Fate) - _GOOD
"""SES's events leave no doubt, and no reason for a second mail."""

_NOT_DESTROYED = ("forwarded", "held")
_MAY_DESTROY = frozenset({"blocked", "nomask", "dropped virus", "dropped loop"})
"""P6: outcomes that may destroy a mail, whole or without their reason."""

WITHOUT_EVENTS = frozenset({Fate.IN_DOUBT_SENT, Fate.IN_DOUBT_NOT_SENT, Fate.TWICE_EXPLAINED})
"""Bad fates that can't be helped without SES's events."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A message's fate and its explanation."""

    message: str
    fate: Fate
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Flood:
    """A flood to a mask whose daily limit had only so much `room`; `passed` went out that day."""

    mails: Sequence[str]
    room: int
    passed: int


def judge(
    account: Account,
    *,
    killed_at: Mapping[str, Sequence[float]],
    is_poison: bool = False,
    is_refused: bool = False,
) -> Judged:
    """Judge one message. `killed_at` is when each process was killed or stopped.

    Poison is dead-lettered between attempts, so its delivery may be in doubt for ever. What is to
    be refused has no delivery.
    """
    is_kept = not account.sendings and account.failures and account.is_kept
    if is_poison and is_kept:
        return Judged(account.name, Fate.POISON, account.failures[-1])
    if is_refused and is_kept and not account.state:
        return Judged(account.name, Fate.REFUSED)
    return _judged(account, killed_at)


def judge_flood(flood: Flood, judged: Sequence[Judged]) -> list[str]:
    """Return what is wrong: more or less passed that day, or not all arrived on the next."""
    of_flood = [one for one in judged if one.message in set(flood.mails)]
    arrived = sum(one.fate is Fate.FORWARDED for one in of_flood)
    wrong = []
    if flood.passed != flood.room:
        wrong.append(f"{flood.passed} mails passed a limit with room for {flood.room}")
    if arrived != len(flood.mails):
        wrong.append(f"{arrived} of a flood's {len(flood.mails)} mails arrived in the end")
    return wrong


def _judged(account: Account, killed_at: Mapping[str, Sequence[float]]) -> Judged:
    name, sendings = account.name, account.sendings
    arrived = [sending for sending in sendings if sending.has_arrived]
    if len(arrived) > 1:
        return _twice(name, arrived, killed_at)
    if len(sendings) > (account.held.releases if account.held else 1):
        return _twice(name, sendings, killed_at)
    if account.held is not None:
        return _judged_held(account, account.held)
    if account.state == "in_doubt":
        fate = Fate.IN_DOUBT_SENT if sendings else Fate.IN_DOUBT_NOT_SENT
        return Judged(name, fate)
    if sendings:
        if account.state != "finished":
            return Judged(name, Fate.UNSETTLED)
        return Judged(name, Fate.FORWARDED if arrived else Fate.BOUNCED)
    if account.failures and account.is_kept:
        return Judged(name, Fate.DEAD_LETTERED, account.failures[-1])
    is_destroyed = account.outcome and not account.outcome.startswith(_NOT_DESTROYED)
    if account.state == "finished" and is_destroyed:
        return _judged_destroyed(name, account.outcome)
    said = f"delivery: {account.state} {account.outcome}, failures: {account.failures}"
    return Judged(name, Fate.LOST, said)


def _judged_held(account: Account, held: Keeping) -> Judged:
    """Judge a mail that was held. Each sending was a release, of which at most one arrived."""
    name, last = account.name, max(account.sendings, key=lambda one: one.at, default=None)
    if held.state in ("held", "releasing"):
        if last and last.has_arrived:
            return Judged(name, Fate.SENT_AND_HELD, f"releases: {held.releases}")
        return Judged(name, Fate.HELD if held.is_stored else Fate.GONE_WHILE_HELD)
    if held.outcome.startswith("forwarded"):
        if last is None:
            return Judged(name, Fate.LOST, f"releases: {held.releases}, but none was sent")
        if last.has_arrived:
            return Judged(name, Fate.FORWARDED)
        is_heard = not last.met_a_bad_mailbox
        return Judged(name, Fate.BOUNCED if is_heard else Fate.BOUNCED_UNHEARD)
    if last and last.has_arrived:
        return Judged(name, Fate.UNSETTLED, held.outcome)
    if held.outcome.startswith("expired"):
        return Judged(name, Fate.ENDED_EARLY if held.ended_early else Fate.ENDED)
    if held.outcome == "dropped discarded":
        return Judged(name, Fate.ENDED)
    return _judged_destroyed(name, held.outcome)


def _judged_destroyed(name: str, outcome: str) -> Judged:
    may = not _MAY_DESTROY.isdisjoint({outcome, outcome.partition(" ")[0]})
    return Judged(name, Fate.DESTROYED if may else Fate.WRONGLY_DESTROYED, outcome)


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
