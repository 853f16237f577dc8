"""SES's `Send` events, from SES through SNS, SQS and a bridge to the worker that needs them."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from tests.integration.conftest import EMPTY, MAIL, MASK, logged
from tests.waiting import wait_until
from tools.aws.fast_aws import FastAws
from tools.aws.faults import Faults, ServiceFaults
from tools.local.stack import Stack

NUMBER = 12
LIMIT_SECONDS = 5
CLAIM_SECONDS = LIMIT_SECONDS + 15


@pytest.fixture
def stack(fast_aws: FastAws, migrated: str, redis_url: str, tmp_path: Path) -> Iterator[Stack]:
    """A relay, with an SES that publishes; processes not started yet."""
    redis.Redis.from_url(redis_url).flushdb()
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute(EMPTY)
    fast_aws.publish_send_events()
    with Stack(
        tmp_path,
        fast_aws,
        redis_url=redis_url,
        database_url=migrated,
        PROCESS_EMAIL_MAX_SECONDS_PER_MESSAGE=str(LIMIT_SECONDS),
    ) as started:
        yield started


def states(database_url: str) -> list[str]:
    with psycopg.connect(database_url) as connection:
        return [row[0] for row in connection.execute("SELECT state FROM emails_delivery")]


def sends_begun(fast_aws: FastAws) -> int:
    """Count the requests that SES has whole, answered or not."""
    begun: dict[str, int] = fast_aws.statistics()["begun"]
    return begun.get("ses.SendEmail", 0)


def wait_until_finished(database_url: str, number: int) -> None:
    finished = ["finished"] * number
    wait_until("all are finished", lambda: states(database_url) == finished, seconds=120)


@pytest.mark.parametrize("faults", [ServiceFaults(cut=1), ServiceFaults(unconfirmed=1)])
def test_mails_whose_answers_were_lost_are_sent_once_and_settled_by_themselves(
    fast_aws: FastAws, stack: Stack, migrated: str, faults: ServiceFaults
) -> None:
    """SES took them and never said so: 24 of 330 waited for a person, 29 of 300 were sent twice."""
    fast_aws.set_faults(Faults(ses=faults))
    stack.start_bridge()
    workers = stack.start_workers()

    fast_aws.deliver_many([(MAIL, [MASK])] * NUMBER)
    wait_until("the breaker opens", lambda: logged(workers, "breaker opened"))
    in_doubt = len(fast_aws.sent())
    fast_aws.set_faults(Faults())
    wait_until_finished(migrated, NUMBER)

    assert len(fast_aws.sent()) == NUMBER
    assert len(logged(workers, "sent before")) >= in_doubt > 0


def test_a_mail_whose_worker_was_killed_in_its_call_to_ses_is_sent_once(
    fast_aws: FastAws, stack: Stack, migrated: str
) -> None:
    """The event settles it, long before its claim expires."""
    fast_aws.set_faults(Faults(ses=ServiceFaults(latency_ms=1000)))
    stack.start_bridge()
    workers = stack.start_workers()
    fast_aws.deliver_many([(MAIL, [MASK])])
    wait_until("SES has a request", lambda: sends_begun(fast_aws) == 1)
    started = time.monotonic()
    workers.send_to_group(signal.SIGKILL)
    wait_until("SES has the mail", lambda: len(fast_aws.sent()) == 1)

    successors = stack.start_workers()
    wait_until_finished(migrated, 1)

    assert time.monotonic() - started < CLAIM_SECONDS + LIMIT_SECONDS
    assert len(fast_aws.sent()) == 1
    assert len(logged(successors, "sent before")) == 1


@pytest.mark.timeout(240)
def test_a_redis_that_is_wiped_while_events_are_awaited_doubles_nothing(
    fast_aws: FastAws, stack: Stack, migrated: str
) -> None:
    """The bridge notes the events again. A chaos run had 23 mails sent twice without that."""
    fast_aws.set_faults(Faults(ses=ServiceFaults(latency_ms=500)))
    stack.start_bridge(AWS_SES_SEND_EVENT_KEEP_SECONDS="60")
    workers = stack.start_workers()
    fast_aws.deliver_many([(MAIL, [MASK])] * 4)
    client = redis.Redis.from_url(stack.environ["REDIS_URL"])
    wait_until("SES has the requests", lambda: sends_begun(fast_aws) == 4)
    workers.send_to_group(signal.SIGKILL)
    wait_until("the events are noted", lambda: len(list(client.scan_iter("relay:sent:*"))) == 4)

    client.flushdb()
    stack.start_workers()
    wait_until_finished(migrated, 4)

    assert len(fast_aws.sent()) == 4
