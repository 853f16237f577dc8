"""What else stops mail: with the twelve stalls, all that the drill of troubles injects."""

from collections.abc import Callable
from signal import SIGCONT, SIGSTOP

import psycopg

from relay.operations.judgement.causes import Cause
from tests.chaos.scene import Scene
from tests.chaos.stalls import Stall, Undo, refuse
from tools.aws.faults import ServiceFaults


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
)
