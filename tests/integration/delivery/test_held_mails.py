"""P6 and P2 on whole processes: a held mail outlives everything, and is forwarded once."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from tests.gate import Gate
from tests.integration.conftest import EMPTY, MAIL, MASK, OWNER, Relay, wait_for_log
from tests.waiting import wait_until
from tools.aws.fast_aws import FastAws
from tools.local.stack import Stack


@pytest.fixture(autouse=True)
def owner_blocks_spam(migrated: str) -> Iterator[None]:
    """Each test's fixtures empty the tables first."""
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute(EMPTY)
    yield
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute("UPDATE emails_profile SET blocks_spam = false")


def block_spam(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE emails_profile SET blocks_spam = true")


def rows(database_url: str) -> list[tuple[str, str]]:
    with psycopg.connect(database_url) as connection:
        return connection.execute("SELECT state, outcome FROM emails_heldmail").fetchall()


def release_until_all_have_ended(stack: Stack, database_url: str, number: int) -> None:
    """Run the job as the scheduler does, but more often."""

    def have_ended() -> bool:
        if rows(database_url) == [("ended", "forwarded")] * number:
            return True
        stack.run_job("release_held_mails")
        return False

    wait_until("all have ended", have_ended, seconds=90)


@pytest.mark.timeout(240)
def test_a_held_mail_is_released_once_though_its_worker_is_killed_and_redis_wiped(
    relay: Relay, migrated: str
) -> None:
    block_spam(migrated)
    relay.stack.start_bridge()
    workers = relay.stack.start_workers()
    relay.deliver(spam="FAIL")
    relay.wait_for_empty_queue()
    assert wait_for_log(workers, "settled")["outcome"] == "held"
    (key,) = relay.aws.stored_mails()
    (listed,) = map(json.loads, relay.stack.manage("held_mails", "list", "--json").splitlines())
    assert (listed["reason"], listed["state"]) == ("spam", "held")
    assert key.startswith("held/")

    relay.stack.manage("held_mails", "release", str(listed["id"]), "--yes")
    relay.gate.hold()
    arrived = relay.gate.arrived
    relay.stack.run_job("release_held_mails")
    wait_until("the release has begun", lambda: relay.gate.arrived > arrived)
    workers.send_to_group(signal.SIGKILL)
    workers.wait(10)
    relay.redis.flushdb()
    relay.gate.open()
    relay.stack.start_workers()
    release_until_all_have_ended(relay.stack, migrated, 1)

    (sent,) = relay.aws.sent()
    assert (sent.sender, sent.recipients) == (MASK, (OWNER,))
    assert b"the body is swordfish, too" in sent.raw
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute("UPDATE emails_heldmail SET ended_at = ended_at - interval '1 hour'")
    relay.stack.run_job("expire_and_clear_held_mails")
    wait_until("an empty bucket", lambda: not relay.aws.stored_mails())
    wait_until("a cleared row", lambda: rows(migrated) == [("cleared", "forwarded")])


def send_begins(stack: Stack, gate: Gate) -> None:
    """Release mails until one is being sent, and no further."""
    before = gate.arrived
    gate.hold()
    stack.run_job("release_held_mails")
    wait_until("a send has begun", lambda: gate.arrived > before)


@pytest.mark.timeout(240)
def test_mails_whose_workers_are_killed_in_their_calls_to_ses_are_released_once(
    fast_aws: FastAws, migrated: str, redis_url: str, tmp_path: Path
) -> None:
    """SES's events prove what was sent, as for any other mail."""
    number = 6
    redis.Redis.from_url(redis_url).flushdb()
    block_spam(migrated)
    fast_aws.publish_send_events()
    gate = Gate(fast_aws.endpoint)
    with Stack(
        tmp_path,
        fast_aws,
        redis_url=redis_url,
        database_url=migrated,
        AWS_ENDPOINT_URL_SESV2=gate.url,
    ) as stack:
        stack.start_bridge()
        workers = stack.start_workers()
        for _ in range(number):
            fast_aws.deliver(MAIL, [MASK], spam="FAIL")
        wait_until("all are held", lambda: rows(migrated) == [("held", "")] * number)
        stack.manage("held_mails", "release", "--all", "--yes")

        for _ in range(2):
            send_begins(stack, gate)
            workers.send_to_group(signal.SIGKILL)
            workers.wait(10)
            gate.open()
            workers = stack.start_workers()
        release_until_all_have_ended(stack, migrated, number)

        assert len(fast_aws.sent()) == number
    gate.close()
