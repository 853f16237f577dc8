"""What can stop mail: each cause with what it does to mail and what to do. A pure table."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """A judgement."""

    GOOD = "good"
    LOOK = "look"
    BAD = "bad"
    UNKNOWN = "unknown"


SIGNS = {Level.GOOD: "✓", Level.LOOK: "▲", Level.BAD: "✖", Level.UNKNOWN: "?"}
"""No judgement is a colour alone."""


class Cause(StrEnum):
    """The causes, as metrics and JSON name them. First what other causes follow from."""

    REDIS_AWAY = "redis_away"
    REDIS_FULL = "redis_full"
    REDIS_READ_ONLY = "redis_read_only"
    REDIS_REFUSES = "redis_refuses"
    DATABASE_AWAY = "database_away"
    DATABASE_UNMIGRATED = "database_unmigrated"
    DATABASE_LOCKED = "database_locked"
    PAUSED = "paused"
    RAW_DELIVERY = "raw_delivery"
    CONFIGURATION = "configuration"
    CERTIFICATES_AWAY = "certificates_away"
    SES_PAUSED = "ses_paused"
    SES_DENIED = "ses_denied"
    SES_FAILS = "ses_fails"
    S3_DENIED = "s3_denied"
    S3_FAILS = "s3_fails"
    SQS_AWAY = "sqs_away"
    NO_BRIDGE = "no_bridge"
    NO_WORKER = "no_worker"
    NO_SCHEDULER = "no_scheduler"
    ATTEMPTS_FAIL = "attempts_fail"
    MANY_DEAD_LETTERS = "many_dead_letters"
    MANY_REJECTS = "many_rejects"
    NOTHING_SETTLED = "nothing_settled"
    NOTHING_TAKEN = "nothing_taken"
    WORKERS_TOO_SLOW = "workers_too_slow"
    NO_CANARY = "no_canary"
    NO_MAIL = "no_mail"
    GAUGES_STAND_STILL = "gauges_stand_still"
    REDIS_NEARLY_FULL = "redis_nearly_full"
    PROCESS_SILENT = "process_silent"
    TWO_SCHEDULERS = "two_schedulers"
    SES_UNDER_REVIEW = "ses_under_review"
    SES_QUOTA = "ses_quota"
    SENDERS_HELD = "senders_held"
    REPUTATION = "reputation"
    ACCOUNT_UNREADABLE = "account_unreadable"


@dataclass(frozen=True, slots=True)
class Advice:
    """What a cause does to mail, what to do, a command to copy, and the runbook's section."""

    effect: str
    todo: str
    command: str
    anchor: str
    level: Level = Level.BAD


_WAITS = "Mail waits in SQS; none is lost."
_REDIS = "redis-is-down-full-or-was-wiped"
_BREAKER = "a-circuit-breaker-is-open"
_ACCOUNT = "the-sending-account"
_PING = 'redis-cli -u "$REDIS_URL" ping'
_WHO = "aws sts get-caller-identity"
_DEAD_LETTERS = "python manage.py dead_letters list"

ADVICE: dict[Cause, Advice] = {
    Cause.REDIS_AWAY: Advice(
        _WAITS, "Start Redis, or mend the way to it. Work resumes by itself.", _PING, _REDIS
    ),
    Cause.REDIS_FULL: Advice(
        _WAITS,
        "Raise maxmemory, or find what fills it.",
        'redis-cli -u "$REDIS_URL" info memory',
        _REDIS,
    ),
    Cause.REDIS_READ_ONLY: Advice(
        _WAITS,
        "Let REDIS_URL lead to the primary.",
        'redis-cli -u "$REDIS_URL" info replication',
        _REDIS,
    ),
    Cause.REDIS_REFUSES: Advice(
        _WAITS, "Mend what its answer names: a password, a permission, its disk.", _PING, _REDIS
    ),
    Cause.DATABASE_AWAY: Advice(
        _WAITS,
        "Start PostgreSQL, or mend the way to it. Work resumes by itself.",
        'pg_isready -d "$DATABASE_URL"',
        "the-database-is-down",
    ),
    Cause.DATABASE_UNMIGRATED: Advice(
        f"What needs the new tables fails. {_WAITS}",
        "Apply the migrations.",
        "python manage.py migrate",
        "the-database-is-down",
    ),
    Cause.DATABASE_LOCKED: Advice(
        "Each attempt gives up after a moment and is put back; no mail is lost.",
        "End the transaction that holds the lock.",
        'psql "$DATABASE_URL" -c "SELECT pid, now() - xact_start AS since, left(query, 60) FROM '
        "pg_stat_activity WHERE pid IN (SELECT unnest(pg_blocking_pids(pid)) FROM "
        "pg_stat_activity) OR state = 'idle in transaction' ORDER BY 2 DESC\"",
        "the-database-is-down",
    ),
    Cause.PAUSED: Advice(
        "Mail waits; none is lost.",
        "It ends by itself, or when you end it.",
        "python manage.py control list",
        "mails-wait-in-sqs",
        Level.LOOK,
    ),
    Cause.RAW_DELIVERY: Advice(
        f"Messages come without SNS's signature, so no mail is taken. {_WAITS}",
        "Turn raw message delivery off.",
        "aws sns set-subscription-attributes --subscription-arn ARN --attribute-name "
        "RawMessageDelivery --attribute-value false",
        "messages-are-rejected",
    ),
    Cause.CONFIGURATION: Advice(
        f"No mail is taken. {_WAITS}",
        "Correct the setting that it names, and restart.",
        "python manage.py check",
        _BREAKER,
    ),
    Cause.CERTIFICATES_AWAY: Advice(
        f"Messages can't be verified, so no mail is taken. {_WAITS}",
        "Let the bridges reach SNS's host by HTTPS.",
        'curl -sSI "https://sns.$AWS_REGION.amazonaws.com/" | head -1',
        _BREAKER,
    ),
    Cause.SES_PAUSED: Advice(
        _WAITS,
        "Read what AWS wrote to the account's owner, and have sending enabled again.",
        "aws sesv2 get-account --query '[SendingEnabled, EnforcementStatus]'",
        _BREAKER,
    ),
    Cause.SES_DENIED: Advice(
        _WAITS,
        "Give the workers' role ses:SendEmail for the identity and the configuration set.",
        _WHO,
        _BREAKER,
    ),
    Cause.SES_FAILS: Advice(
        _WAITS,
        "Look at SES's status page and at the error's code. Work resumes by itself.",
        "aws sesv2 get-account",
        _BREAKER,
    ),
    Cause.S3_DENIED: Advice(
        _WAITS,
        "Give the workers' role s3:GetObject on the bucket, and kms:Decrypt if it has a key.",
        _WHO,
        _BREAKER,
    ),
    Cause.S3_FAILS: Advice(
        _WAITS,
        "Look at S3's status page and at the error's code. Work resumes by itself.",
        'aws s3api head-bucket --bucket "$AWS_S3_EMAIL_BUCKET"',
        _BREAKER,
    ),
    Cause.SQS_AWAY: Advice(
        "Nobody knows whether mail waits.",
        "Check the queue's URL, the credentials and sqs:GetQueueAttributes.",
        'aws sqs get-queue-attributes --queue-url "$AWS_SQS_EMAIL_QUEUE_URL" --attribute-names All',
        "mails-wait-in-sqs",
    ),
    Cause.NO_BRIDGE: Advice(
        _WAITS,
        "Start a bridge, or read in its log why it ended.",
        "systemctl restart 'mail-relay-bridge@*' || kubectl rollout restart deployment/bridge",
        "no-bridge-is-alive",
    ),
    Cause.NO_WORKER: Advice(
        _WAITS,
        "Start the workers, or read in their log why they ended.",
        "systemctl restart 'mail-relay-worker@*' || kubectl rollout restart deployment/worker",
        "no-worker-is-alive",
    ),
    Cause.NO_SCHEDULER: Advice(
        "Mail is forwarded, but held mail is not released, nothing is cleaned up, and the charts "
        "stand still.",
        "Start the scheduler: exactly one.",
        "systemctl restart mail-relay-scheduler || kubectl rollout restart deployment/scheduler",
        "not-exactly-one-scheduler",
    ),
    Cause.ATTEMPTS_FAIL: Advice(
        "Each failed attempt is repeated; mail is late.",
        "The reasons are ranked below; the workers' log has each as “not settled”.",
        "python manage.py status --json",
        "many-messages-are-tried-again",
    ),
    Cause.MANY_DEAD_LETTERS: Advice(
        "These mails are kept, and not retried.",
        "Read why, mend it, then requeue them.",
        _DEAD_LETTERS,
        "dead-letters-in-redis",
    ),
    Cause.MANY_REJECTS: Advice(
        "The bridge takes these for no notification of ours; SQS keeps them for a while.",
        "Its log names each reason: “message rejected”.",
        "python manage.py redrive --help",
        "messages-are-rejected",
    ),
    Cause.NOTHING_SETTLED: Advice(
        "Messages wait for the workers, which are alive and finish nothing.",
        "Restart the workers; their log says what they did last.",
        "systemctl restart 'mail-relay-worker@*' || kubectl rollout restart deployment/worker",
        "the-workers-are-too-slow",
    ),
    Cause.NOTHING_TAKEN: Advice(
        _WAITS,
        "The bridges are alive and receive nothing: restart them, and read their log.",
        "systemctl restart 'mail-relay-bridge@*' || kubectl rollout restart deployment/bridge",
        "mails-wait-in-sqs",
    ),
    Cause.WORKERS_TOO_SLOW: Advice(
        "Mail is late by that much.",
        "Run more workers, unless SES's rate is the limit.",
        "kubectl scale deployment/worker --replicas=N",
        "the-workers-are-too-slow",
    ),
    Cause.NO_CANARY: Advice(
        "Nobody's mail may be getting through.",
        "Follow the canary: the receipt rule, the topic's subscription, SES, its events.",
        'aws sns list-subscriptions-by-topic --topic-arn "$AWS_SNS_TOPIC"',
        "no-mail-arrives",
    ),
    Cause.NO_MAIL: Advice(
        "What is sent to masks does not reach the queue: it may be refused, or lost.",
        "Check the queue's subscription, SES's active receipt rule set, and the domains' MX.",
        'aws sns list-subscriptions-by-topic --topic-arn "$AWS_SNS_TOPIC"',
        "no-mail-arrives",
    ),
    Cause.GAUGES_STAND_STILL: Advice(
        "The charts and held mail's gauges are old.",
        "Read the workers' log for “gauges”.",
        "python manage.py check_health worker",
        "the-gauges-stand-still",
        Level.LOOK,
    ),
    Cause.REDIS_NEARLY_FULL: Advice(
        "At nine tenths no more mail is taken.",
        "Raise maxmemory, or find what fills it.",
        'redis-cli -u "$REDIS_URL" info memory',
        _REDIS,
        Level.LOOK,
    ),
    Cause.PROCESS_SILENT: Advice(
        "Others do its work.",
        "It was killed or hangs: find out why.",
        "python manage.py check_health ROLE",
        "a-process-fell-silent",
        Level.LOOK,
    ),
    Cause.TWO_SCHEDULERS: Advice(
        "Periodic jobs run twice.",
        "Stop all but one.",
        "kubectl scale deployment/scheduler --replicas=1",
        "not-exactly-one-scheduler",
        Level.LOOK,
    ),
    Cause.SES_UNDER_REVIEW: Advice(
        "AWS may pause the account, and then nobody gets mail.",
        "Answer AWS in its console, and find whose mail bounces or is reported.",
        "aws sesv2 get-account --query '[EnforcementStatus, Details.ReviewDetails]'",
        _ACCOUNT,
        Level.LOOK,
    ),
    Cause.SES_QUOTA: Advice(
        "Beyond it SES refuses mail, which then waits in SQS.",
        "Ask AWS for a higher quota, or find whose flood it is.",
        "aws sesv2 get-account --query SendQuota",
        _ACCOUNT,
        Level.LOOK,
    ),
    Cause.SENDERS_HELD: Advice(
        "Their mail is kept for its owners; it follows when little comes back again.",
        "Find out what they send. Nobody else's mail waits.",
        "python manage.py held_mails list --reason reputation",
        _ACCOUNT,
        Level.LOOK,
    ),
    Cause.REPUTATION: Advice(
        "AWS may review the account, and then pause it.",
        "No sender stands out, or holding mail is switched off: find what comes back.",
        "python manage.py held_mails list --reason reputation",
        "bounces-or-complaints-rise",
        Level.LOOK,
    ),
    Cause.ACCOUNT_UNREADABLE: Advice(
        "Mail is sent as before, at AWS_SES_MAX_SEND_RATE or as fast as SES takes it.",
        "Give the workers' role ses:GetAccount, or set AWS_SES_WATCH_ACCOUNT=false.",
        "aws sesv2 get-account",
        _ACCOUNT,
        Level.LOOK,
    ),
}

_LATE = frozenset({Cause.WORKERS_TOO_SLOW, Cause.NO_CANARY, Cause.NO_MAIL})
_STILL = _LATE | {Cause.NOTHING_SETTLED, Cause.NOTHING_TAKEN}
_SYMPTOMS = _STILL | {
    Cause.ATTEMPTS_FAIL,
    Cause.MANY_DEAD_LETTERS,
    Cause.MANY_REJECTS,
    Cause.GAUGES_STAND_STILL,
    Cause.PROCESS_SILENT,
}
_ALL_OF_REDIS = _SYMPTOMS | {
    Cause.NO_BRIDGE,
    Cause.NO_WORKER,
    Cause.NO_SCHEDULER,
    Cause.REDIS_NEARLY_FULL,
    Cause.DATABASE_LOCKED,
}
_EXPLAINS: dict[Cause, frozenset[Cause]] = {
    Cause.REDIS_AWAY: _ALL_OF_REDIS,
    Cause.REDIS_FULL: _ALL_OF_REDIS,
    Cause.REDIS_READ_ONLY: _ALL_OF_REDIS,
    Cause.REDIS_REFUSES: _ALL_OF_REDIS,
    Cause.NO_SCHEDULER: frozenset(
        {Cause.GAUGES_STAND_STILL, Cause.NO_CANARY, Cause.PROCESS_SILENT}
    ),
    Cause.PAUSED: _STILL | {Cause.ATTEMPTS_FAIL},
    Cause.ATTEMPTS_FAIL: _STILL,
    Cause.MANY_REJECTS: frozenset({Cause.NO_MAIL, Cause.NO_CANARY}),
    Cause.NOTHING_SETTLED: _LATE | {Cause.NOTHING_TAKEN},
    Cause.NOTHING_TAKEN: frozenset({Cause.NO_MAIL, Cause.NO_CANARY}),
    Cause.NO_CANARY: frozenset({Cause.NO_MAIL}),
} | dict.fromkeys(
    (
        Cause.MANY_DEAD_LETTERS,
        Cause.WORKERS_TOO_SLOW,
        Cause.NO_MAIL,
        Cause.GAUGES_STAND_STILL,
        Cause.REDIS_NEARLY_FULL,
        Cause.PROCESS_SILENT,
        Cause.TWO_SCHEDULERS,
        Cause.SES_UNDER_REVIEW,
        Cause.SES_QUOTA,
        Cause.SENDERS_HELD,
        Cause.REPUTATION,
        Cause.ACCOUNT_UNREADABLE,
    ),
    frozenset(),
)


def follows_from(cause: Cause) -> frozenset[Cause]:
    """Return what a cause explains: these are symptoms while it lasts."""
    return _EXPLAINS.get(cause, _SYMPTOMS)
