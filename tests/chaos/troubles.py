"""What else stops mail: with the twelve stalls, all that the drill of troubles injects."""

from collections.abc import Callable
from signal import SIGCONT, SIGSTOP
from typing import Any

import psycopg

from relay.operations.judgement.causes import Cause
from tests.chaos.scene import Scene
from tests.chaos.stalls import NO_PAGE, Stall, Undo, refuse
from tests.lab.lab import OTHER_MASKS, OTHER_OWNER
from tools.aws.bounces import HARD
from tools.aws.faults import ServiceFaults

_BLOCKED = HARD | {"status": "5.7.1", "diagnosticCode": "smtp; 550 5.7.1 on our block list"}
_LEAST_BOUNCING = 60


def _stop_redis(scene: Scene) -> Undo:
    scene.world.redis.send_signal(SIGSTOP)
    return lambda: scene.world.redis.send_signal(SIGCONT)


def _stop_postgres(scene: Scene) -> Undo:
    scene.world.postgres.stop()
    return scene.world.postgres.start


def _execute(statement: str, undo: str) -> Callable[[Scene], Undo]:
    def inject(scene: Scene) -> Undo:
        def execute(text: str) -> None:
            with psycopg.connect(scene.world.postgres.url, autocommit=True) as connection:
                connection.execute(text)

        execute(statement)
        return lambda: execute(undo)

    return inject


def _break_sqs(scene: Scene) -> Undo:
    return scene.world.trouble_aws("SQS fails", {"sqs": ServiceFaults(failed=1.0)})


def _account(**fields: Any) -> Callable[[Scene], Undo]:
    """Let SES say this of the account, while it takes mail as before."""

    def inject(scene: Scene) -> Undo:
        scene.world.aws.set_account(**fields)
        return scene.world.aws.set_account

    return inject


def _bounce_one_mask(scene: Scene) -> Undo:
    """Let the mail of one mask bounce for what it says, and be some percent of all mail."""
    scene.world.stack.add_user(OTHER_OWNER)
    scene.world.stack.add_mask(OTHER_OWNER, "--address", OTHER_MASKS[0].partition("@")[0])
    scene.world.aws.let_bounce({OTHER_OWNER: _BLOCKED})
    number = max(_LEAST_BOUNCING, len(scene.world.lab.sent()) // 8)
    scene.world.lab.deliver(number, OTHER_MASKS[:1])

    def undo() -> None:
        scene.world.aws.let_bounce({})
        # A day later, as far as the counts know: they are in Redis by the minute.
        client = scene.redis()
        for key in client.scan_iter("relay:tally:*"):
            client.hdel(key, "bounced")

    return undo


TROUBLES = (
    Stall("Redis hangs", Cause.REDIS_AWAY, _stop_redis, "MailRelayWorkersNotScraped"),
    Stall("database stopped", Cause.DATABASE_AWAY, _stop_postgres),
    Stall(
        "database unmigrated",
        Cause.DATABASE_UNMIGRATED,
        _execute(
            "ALTER TABLE emails_delivery RENAME COLUMN mail_id TO mail_id_before",
            "ALTER TABLE emails_delivery RENAME COLUMN mail_id_before TO mail_id",
        ),
    ),
    Stall("SQS fails", Cause.SQS_AWAY, _break_sqs),
    Stall(
        "quota of the day used up",
        Cause.SES_FAILS,
        refuse("ses", 429, "TooManyRequestsException", "Daily message quota exceeded."),
    ),
    Stall("bucket misspelt", Cause.S3_FAILS, refuse("s3", 404, "NoSuchBucket")),
    Stall("account shut down", Cause.SES_PAUSED, _account(EnforcementStatus="SHUTDOWN")),
    Stall(
        "account under review",
        Cause.SES_UNDER_REVIEW,
        _account(EnforcementStatus="PROBATION"),
        "MailRelayAccountUnderReview",
    ),
    Stall(
        "quota nearly used",
        Cause.SES_QUOTA,
        _account(SendQuota={"Max24HourSend": 1_000_000.0, "SentLast24Hours": 950_000.0}),
        "MailRelaySesQuota",
    ),
    Stall("one mask's mail bounces", Cause.SENDERS_HELD, _bounce_one_mask, NO_PAGE),
)
