"""When a number is good, deserves a look, or is bad; and what to do then. A table, and pure.

Limits are for a relay of some size at rest: what is normal for a busier one is a higher number,
but not a higher age.
"""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How a number is to be taken."""

    GOOD = "good"
    LOOK = "look"
    BAD = "bad"
    UNKNOWN = "unknown"


class Unit(StrEnum):
    """What a number counts."""

    MESSAGES = "messages"
    PROCESSES = "processes"
    SECONDS = "s"


@dataclass(frozen=True, slots=True)
class Rule:
    """One number of the dashboard: its name, its limits, and what helps.

    From `look` on it deserves a look, from `bad` on it is bad, and below `least` as well.
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
        "bridges",
        "Bridges alive",
        Unit.PROCESSES,
        "Nobody takes messages from SQS. They are safe there. Start a bridge, or read in its log "
        "what it waits for.",
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
        "One scheduler must run, and no second one: it has the gauges published and old rows "
        "removed. Mails flow without it.",
        "not-exactly-one-scheduler",
        least=1,
        look=2,
    ),
    Rule(
        "silent",
        "Processes fallen silent",
        Unit.PROCESSES,
        "A process was killed, or hangs: see below which one. A quarter of an hour after its last "
        "heartbeat it is no longer counted.",
        "a-process-fell-silent",
        look=1,
    ),
    Rule(
        "sqs_waiting",
        "Waiting in SQS",
        Unit.MESSAGES,
        "More comes in than is processed, or nobody takes it. Mails are late, not lost.",
        "mails-wait-in-sqs",
        look=200,
        bad=2_000,
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
        "SQS gave these up after too many deliveries. They are kept until their retention ends: "
        "find out why, then send them back.",
        "messages-in-sqss-dead-letter-queue",
        look=1,
        bad=100,
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
        "A message is tried again and again, or its worker died. It is let go after its lifetime, "
        "and SQS delivers it anew.",
        "a-message-is-in-flight-for-long",
        look=600,
        bad=3_600,
    ),
    Rule(
        "redis_waiting",
        "Waiting in Redis",
        Unit.MESSAGES,
        "The bridge is faster than the workers; at its limit it waits for them.",
        "the-workers-are-too-slow",
        look=150,
        bad=1_000,
    ),
    Rule(
        "redis_oldest",
        "Oldest in a queue of Redis",
        Unit.SECONDS,
        "Messages wait for a free worker: too few of them, or something they need is slow.",
        "the-workers-are-too-slow",
        look=60,
        bad=300,
    ),
    Rule(
        "delayed",
        "To be tried again",
        Unit.MESSAGES,
        "Something that the workers need fails now and then: S3, SES or the database. Each message "
        "is tried again by itself.",
        "many-messages-are-tried-again",
        look=10,
        bad=100,
    ),
    Rule(
        "dead_letters",
        "Dead letters in Redis",
        Unit.MESSAGES,
        "These failed for good, or too often. Each says why.",
        "dead-letters-in-redis",
        look=1,
        bad=50,
    ),
    Rule(
        "failing",
        "Failed attempts, last ten minutes",
        Unit.MESSAGES,
        "Attempts fail. The workers' log names the reason of each: “not settled”.",
        "many-messages-are-tried-again",
        look=5,
        bad=50,
    ),
    Rule(
        "rejected",
        "Rejected, last ten minutes",
        Unit.MESSAGES,
        "The bridge would not take these: no envelope, a wrong topic, a bad signature. Its log "
        "names the reason of each: “message rejected”.",
        "messages-are-rejected",
        look=1,
        bad=50,
    ),
    Rule(
        "gauges_age",
        "Since the last gauges",
        Unit.SECONDS,
        "Each minute the scheduler has a worker publish them. While they are missing, the charts "
        "and the metrics stand still.",
        "the-gauges-stand-still",
        look=150,
        bad=600,
    ),
)


def judge(rule: Rule, value: float | None) -> Level:
    """Say how a value is to be taken. None is a value that could not be read."""
    if value is None:
        return Level.UNKNOWN
    if value < rule.least or (rule.bad is not None and value >= rule.bad):
        return Level.BAD
    if rule.look is not None and value >= rule.look:
        return Level.LOOK
    return Level.GOOD
