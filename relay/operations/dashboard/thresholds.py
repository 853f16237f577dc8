"""When a number of the dashboard deserves a look, and what to do then. A pure table.

A count alone is never bad: a busy relay has high ones. What stops mail is judged by age and
progress (`relay/operations/judgement/`); a tile is bad only where it shows such a cause.
"""

from dataclasses import dataclass
from enum import StrEnum

from relay.operations.judgement.causes import Level


class Unit(StrEnum):
    """What a number counts."""

    MESSAGES = "messages"
    PROCESSES = "processes"
    BREAKERS = "breakers"
    SECONDS = "s"
    SHARE = "share"


@dataclass(frozen=True, slots=True)
class Rule:
    """One number of the dashboard: its name, its limits, and advice.

    At `look` and above it deserves a look; at `bad` and above, or below `least`, it is bad.
    `anchor` is a heading of the runbook.
    """

    name: str
    title: str
    unit: Unit
    advice: str
    anchor: str
    look: float | None = None
    bad: float | None = None
    least: float = 0


RULES = (
    Rule(
        "breakers",
        "Open circuit breakers",
        Unit.BREAKERS,
        "Something that every mail needs fails, so no more mails are taken until it works. None is "
        "lost or blamed. The first line names it and its error.",
        "a-circuit-breaker-is-open",
        bad=1,
    ),
    Rule(
        "bridges",
        "Bridges alive",
        Unit.PROCESSES,
        "Nobody receives messages from SQS. They are safe there. Start a bridge, or read in its "
        "log what it waits for.",
        "no-bridge-is-alive",
        least=1,
    ),
    Rule(
        "workers",
        "Workers alive",
        Unit.PROCESSES,
        "Nobody processes mails. They are safe in SQS. Start the workers, or read in their log why "
        "they ended.",
        "no-worker-is-alive",
        least=1,
    ),
    Rule(
        "schedulers",
        "Schedulers alive",
        Unit.PROCESSES,
        "Run exactly one scheduler: it publishes the gauges and removes old rows. Mails flow "
        "without it.",
        "not-exactly-one-scheduler",
        least=1,
        look=2,
    ),
    Rule(
        "silent",
        "Processes fallen silent",
        Unit.PROCESSES,
        "A process was killed or hangs: the list below shows which one. It is no longer counted a "
        "quarter of an hour after its last heartbeat.",
        "a-process-fell-silent",
        look=1,
    ),
    Rule(
        "sqs_waiting",
        "Waiting in SQS",
        Unit.MESSAGES,
        "More arrives than is processed, or nobody receives it. Mails are late, not lost.",
        "mails-wait-in-sqs",
        look=200,
    ),
    Rule(
        "sqs_hidden",
        "Hidden in SQS",
        Unit.MESSAGES,
        "",
        "mails-wait-in-sqs",
    ),
    Rule(
        "sqs_dead",
        "In SQS's dead-letter queue",
        Unit.MESSAGES,
        "SQS moved these here after too many deliveries. They are kept until their retention "
        "ends: find out why, then move them back.",
        "messages-in-sqss-dead-letter-queue",
        look=1,
    ),
    Rule(
        "in_flight",
        "In flight",
        Unit.MESSAGES,
        "",
        "mails-wait-in-sqs",
    ),
    Rule(
        "in_flight_oldest",
        "Oldest in flight",
        Unit.SECONDS,
        "A message is retried again and again, or its worker died. After its lifetime SQS "
        "delivers it again.",
        "a-message-is-in-flight-for-long",
        look=600,
    ),
    Rule(
        "redis_waiting",
        "Waiting in Redis",
        Unit.MESSAGES,
        "The bridge is faster than the workers; at its limit it waits for them.",
        "the-workers-are-too-slow",
        look=150,
    ),
    Rule(
        "redis_oldest",
        "Oldest in a queue of Redis",
        Unit.SECONDS,
        "Messages wait for a free worker: there are too few, or something they need is slow.",
        "the-workers-are-too-slow",
        look=60,
        bad=300,
    ),
    Rule(
        "delayed",
        "To be tried again",
        Unit.MESSAGES,
        "Something that the workers need fails at times: S3, SES or the database. Each message is "
        "retried automatically.",
        "many-messages-are-tried-again",
        look=10,
    ),
    Rule(
        "dead_letters",
        "Dead letters in Redis",
        Unit.MESSAGES,
        "These failed for good, or too often. Each one says why.",
        "dead-letters-in-redis",
        look=1,
    ),
    Rule(
        "held",
        "Held for their owners",
        Unit.MESSAGES,
        "",
        "held-mails",
    ),
    Rule(
        "mailboxes",
        "Mailboxes that bounce",
        Unit.BREAKERS,
        "Many owners' mailboxes refuse mail. Theirs is held and not lost. Does one provider refuse "
        "them all?",
        "an-owner-gets-no-mail",
        look=100,
    ),
    Rule(
        "releasing",
        "Longest wait of a released mail",
        Unit.SECONDS,
        "Somebody released held mails, and they are not forwarded: the scheduler or the workers "
        "stand still, or SES refuses.",
        "held-mails",
        look=600,
    ),
    Rule(
        "backlog",
        "What waits, in time",
        Unit.SECONDS,
        "",
        "the-workers-are-too-slow",
    ),
    Rule(
        "failing",
        "Failed attempts, last ten minutes",
        Unit.MESSAGES,
        "Attempts fail. The workers' log names each reason: “not settled”.",
        "many-messages-are-tried-again",
        look=5,
    ),
    Rule(
        "rejected",
        "Rejected, last ten minutes",
        Unit.MESSAGES,
        "The bridge refused these: no envelope, a wrong topic, a bad signature. Its log names each "
        "reason: “message rejected”.",
        "messages-are-rejected",
        look=1,
    ),
    Rule(
        "postponed",
        "Parked or deferred, last ten minutes",
        Unit.MESSAGES,
        "The bridge can't verify these, because it can't get SNS's certificate. Its log names the "
        "reason: “message parked”, “message deferred”. They wait in SQS.",
        "a-circuit-breaker-is-open",
        look=1,
    ),
    Rule(
        "redis_memory",
        "Memory of Redis in use",
        Unit.SHARE,
        "At nine tenths no more mail is taken. Raise maxmemory, or find what fills it.",
        "redis-is-down-full-or-was-wiped",
        look=0.75,
        bad=0.9,
    ),
    Rule(
        "arrived_age",
        "Since the last mail",
        Unit.SECONDS,
        "",
        "no-mail-arrives",
    ),
    Rule(
        "canary_age",
        "Since the last canary",
        Unit.SECONDS,
        "A mail of our own, sent each minute, does not come back: others' may not get through.",
        "no-mail-arrives",
        look=150,
        bad=300,
    ),
    Rule(
        "pace",
        "Waited for SES's rate, last ten minutes",
        Unit.MESSAGES,
        "",
        "the-workers-are-too-slow",
    ),
    Rule(
        "gauges_age",
        "Since the last gauges",
        Unit.SECONDS,
        "Each minute the scheduler has a worker publish them. Without them, the charts and metrics "
        "stand still.",
        "the-gauges-stand-still",
        look=150,
    ),
)


def judge(rule: Rule, value: float | None) -> Level:
    """Judge a value; None is one that could not be read."""
    if value is None:
        return Level.UNKNOWN
    if value < rule.least or (rule.bad is not None and value >= rule.bad):
        return Level.BAD
    if rule.look is not None and value >= rule.look:
        return Level.LOOK
    return Level.GOOD
