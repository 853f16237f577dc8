"""A verdict on each message: forwarded once, or a named exception. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

GAP_SECONDS = (-1.0, 3.0)
"""When a worker must have been killed or stopped, relative to SES's acceptance, to explain a second
mail. Before: SES may accept a request after its sender died. After: the send is not recorded yet,
and a restarting database may delay that."""


class Verdict(StrEnum):
    """The verdict on a message; values are shown in the report."""

    FORWARDED = "forwarded once"
    IN_DOUBT_SENT = "in doubt: SES had it, and never said so"
    IN_DOUBT_NOT_SENT = "in doubt: SES did not have it"
    DEAD_LETTERED = "dead-lettered, with its reason, and kept in SQS"
    TWICE_EXPLAINED = "sent twice: its worker was killed between its call to SES and the record"
    TWICE = "sent twice without a reason"
    LOST = "lost"
    UNSETTLED = "sent once, but not recorded"


BAD = frozenset(Verdict) - {Verdict.FORWARDED, Verdict.DEAD_LETTERED}
"""SES's events leave no doubt, and no reason for a second mail."""


@dataclass(frozen=True, slots=True)
class Sending:
    """One acceptance by SES: when (seconds since the epoch), and which process sent it."""

    at: float
    process: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery in the database: its state, and the name of its outcome."""

    state: str
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """A message's verdict and its explanation."""

    message: str
    verdict: Verdict
    detail: str = ""


def judge(
    message: str,
    sendings: Sequence[Sending],
    delivery: Delivery | None,
    *,
    killed_at: Mapping[str, Sequence[float]],
    failure: str | None,
    is_in_sqs: bool,
) -> Judged:
    """Judge one message.

    `killed_at` is when each process was killed or stopped; `failure` is the reason in the bridge's
    log.
    """
    is_in_doubt = delivery is not None and delivery.state == "in_doubt"
    is_finished = delivery is not None and delivery.state == "finished"
    if len(sendings) > 1:
        return _twice(message, sendings, killed_at)
    if is_in_doubt:
        verdict = Verdict.IN_DOUBT_SENT if sendings else Verdict.IN_DOUBT_NOT_SENT
        return Judged(message, verdict)
    if sendings:
        return Judged(message, Verdict.FORWARDED if is_finished else Verdict.UNSETTLED)
    if failure and is_in_sqs:
        return Judged(message, Verdict.DEAD_LETTERED, failure)
    return Judged(message, Verdict.LOST, f"delivery: {delivery}, failure: {failure}")


def _twice(
    message: str, sendings: Sequence[Sending], killed_at: Mapping[str, Sequence[float]]
) -> Judged:
    details = []
    verdict = Verdict.TWICE_EXPLAINED
    for sending in sorted(sendings, key=lambda sending: sending.at)[:-1]:
        moments = [at - sending.at for at in killed_at.get(sending.process, ())]
        inside = [after for after in moments if GAP_SECONDS[0] <= after <= GAP_SECONDS[1]]
        if inside:
            details.append(
                f"{sending.process} was killed {inside[0] * 1000:+.0f} ms from SES's acceptance"
            )
        else:
            verdict = Verdict.TWICE
            details.append(f"{sending.process} was not killed")
    return Judged(message, verdict, "; ".join(details))


def count(judged: Sequence[Judged]) -> Counter[Verdict]:
    """Count the verdicts."""
    return Counter(one.verdict for one in judged)
