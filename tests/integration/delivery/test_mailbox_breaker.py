"""A mailbox that bounces, from SES to SES: held, probed, released; on whole processes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from tests.integration.conftest import EMPTY, MAIL, MASK, OWNER, logged
from tests.waiting import wait_until
from tools.aws.bounces import HARD, VACATION_REPLY
from tools.aws.fast_aws import FastAws
from tools.local.processes import Process
from tools.local.stack import Stack

REFUSED = HARD | {"status": "5.7.1", "diagnosticCode": "smtp; 550 5.7.1 on our block list"}


@pytest.fixture
def stack(fast_aws: FastAws, migrated: str, redis_url: str, tmp_path: Path) -> Iterator[Stack]:
    """A relay whose probes are due at once; processes not started yet."""
    redis.Redis.from_url(redis_url).flushdb()
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute(EMPTY)
        connection.execute("UPDATE emails_profile SET flagged_at = NULL, blocks_spam = false")
    fast_aws.publish_send_events()
    with Stack(
        tmp_path,
        fast_aws,
        redis_url=redis_url,
        database_url=migrated,
        MAILBOX_PROBE_AFTER_SECONDS="1,1,2592000",
        MAILBOX_PROBE_WAIT_SECONDS="2",
    ) as started:
        yield started


def run_jobs_until(stack: Stack, what: str, is_so: Callable[[], object]) -> None:
    """Run the minute's jobs again and again, as the scheduler does more slowly."""

    def is_so_after_jobs() -> object:
        stack.run_job("drive_mailbox_breakers")
        stack.run_job("release_held_mails")
        return is_so()

    wait_until(what, is_so_after_jobs, seconds=60)


def settle(aws: FastAws, workers: Process, **outcome: str) -> None:
    """Deliver a mail, and wait for one more outcome like this."""
    before = len(logged(workers, "settled", **outcome))
    aws.deliver_many([(MAIL, [MASK])])
    wait_until(f"{outcome}", lambda: len(logged(workers, "settled", **outcome)) > before)


def sent(aws: FastAws, kind: str = "forward") -> list[dict[str, Any]]:
    """Return what SES accepted of this kind."""
    return [mail for mail in aws.accepted() if mail["tags"]["kind"] == kind]


def changes(workers: Process) -> list[object]:
    return [line["change"] for line in logged(workers, "mailbox breaker changed")]


@pytest.mark.parametrize(
    ("bounce", "reason"),
    [(VACATION_REPLY, "automatic_answer"), (REFUSED, "bounce_not_about_mailbox")],
)
def test_a_vacation_reply_and_a_refused_mail_hold_nothing(
    fast_aws: FastAws, stack: Stack, bounce: dict[str, str], reason: str
) -> None:
    stack.start_bridge()
    workers = stack.start_workers()
    fast_aws.let_bounce({OWNER: bounce})

    settle(fast_aws, workers, reason=reason)
    settle(fast_aws, workers, reason="existing_mask")

    assert len(sent(fast_aws)) == 2
    assert changes(workers) == []


def test_a_mailbox_that_bounces_gets_everything_when_it_takes_mail_again(
    fast_aws: FastAws, stack: Stack
) -> None:
    """The first probe bounces, the second arrives, and all that was held follows."""
    stack.start_bridge()
    workers = stack.start_workers()
    fast_aws.let_bounce({OWNER: HARD})
    settle(fast_aws, workers, reason="hard_bounce")
    for _ in range(3):
        settle(fast_aws, workers, outcome="held", reason="mailbox")

    run_jobs_until(stack, "the first probe bounces", lambda: "probe_bounced" in changes(workers))
    assert len(sent(fast_aws)) == 2
    fast_aws.let_bounce({})
    run_jobs_until(stack, "all are sent", lambda: len(sent(fast_aws)) == 1 + 1 + 3)

    assert changes(workers) == ["opened", "probed", "probe_bounced", "probed", "closed"]
    settle(fast_aws, workers, outcome="forwarded")
    wait_until("the last is sent", lambda: len(sent(fast_aws)) == 6)
    assert {one for mail in fast_aws.accepted() for one in mail["recipients"]} == {OWNER}
    assert [mail["tags"]["notice"] for mail in sent(fast_aws, "notice")] == ["mailbox_back"]
