"""The sending account on whole processes: its rate is the pace, its standing is named, and the
worst mask's mail is held and released.
"""

import json
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from emails.wire import DEFAULT_QUEUE
from tests.integration.conftest import EMPTY, MAIL, MASK, OWNER, logged
from tests.waiting import wait_until
from tools.aws.bounces import HARD
from tools.aws.fast_aws import FastAws
from tools.aws.faults import Faults, Refusal, ServiceFaults
from tools.local import processes
from tools.local.processes import Process
from tools.local.stack import ROOT, Stack

REFUSED = HARD | {"status": "5.7.1", "diagnosticCode": "smtp; 550 5.7.1 on our block list"}
FRIEND, FRIENDS_MASK = "friend@owner.example", "friend@masks.example"


@pytest.fixture
def stack(fast_aws: FastAws, migrated: str, redis_url: str, tmp_path: Path) -> Iterator[Stack]:
    """A relay; processes not started yet."""
    redis.Redis.from_url(redis_url).flushdb()
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute(EMPTY)
        connection.execute("UPDATE emails_profile SET flagged_at = NULL, blocks_spam = false")
        connection.execute("UPDATE emails_randommask SET counted_on = NULL, block = 'none'")
    fast_aws.publish_send_events()
    with Stack(tmp_path, fast_aws, redis_url=redis_url, database_url=migrated) as started:
        yield started


def status(stack: Stack) -> dict[str, Any]:
    """Run `manage.py status --json`."""
    command = [sys.executable, str(ROOT / "manage.py"), "status", "--json"]
    done = processes.run(command, stack.environ)
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def causes(stack: Stack) -> dict[str, str]:
    return {one["cause"]: one["sentence"] for one in status(stack)["causes"]}


def read_account(stack: Stack, client: redis.Redis) -> None:
    """Run the minute's job, and wait until it has."""
    before = client.hget("relay:ses-account", "sending")
    stack.run_job("watch_account")
    wait_until("it ran", lambda: client.hget("relay:ses-account", "sending") != before)


def at(line: dict[str, object]) -> datetime:
    return datetime.fromisoformat(str(line["timestamp"])).astimezone(UTC)


def test_the_accounts_rate_is_the_pace_of_running_workers(
    fast_aws: FastAws, stack: Stack, client: redis.Redis
) -> None:
    stack.start_bridge()
    stack.start_workers(processes=2)
    quota = {"Max24HourSend": 50_000, "MaxSendRate": 5}
    fast_aws.set_account(SendQuota=quota)
    read_account(stack, client)

    began = time.time()
    fast_aws.deliver_many([(MAIL, [MASK])] * 30)
    wait_until("all are sent", lambda: len(fast_aws.accepted()) == 30, 60)

    # Each mail's turn is a fifth of a second after the one before it. A busy machine takes its turn
    # late, and then several at once: so none is held to the one before it, but all to the start.
    sent_at = sorted(mail["at"] for mail in fast_aws.accepted())
    early = [number for number, at in enumerate(sent_at) if at < began + (number - 1) / 5]
    assert not early


NAMED: list[tuple[dict[str, Any], str, str]] = [
    ({"SendingEnabled": False}, "ses_paused", "bad"),
    ({"EnforcementStatus": "SHUTDOWN"}, "ses_paused", "bad"),
    ({"EnforcementStatus": "PROBATION"}, "ses_under_review", "look"),
    ({"SendQuota": {"Max24HourSend": 100, "SentLast24Hours": 95}}, "ses_quota", "look"),
]
"""What SES says of the account, and the cause that `status` names. Nothing: all is well."""


def test_status_names_what_is_wrong_with_the_account(
    fast_aws: FastAws, stack: Stack, client: redis.Redis
) -> None:
    stack.start_workers()

    def find(**given: Any) -> dict[str, str]:
        fast_aws.set_account(**given)
        read_account(stack, client)
        found = {one["cause"]: one["level"] for one in status(stack)["causes"]}
        return {name: level for name, level in found.items() if name.startswith("ses_")}

    assert [find(**given) for given, *_ in NAMED] == [{name: level} for _, name, level in NAMED]
    assert find() == {}


def test_a_missing_permission_is_a_warning_and_mail_goes_on(
    fast_aws: FastAws, stack: Stack, client: redis.Redis
) -> None:
    stack.start_bridge()
    workers = stack.start_workers()
    denied = Refusal(403, "AccessDeniedException")
    fast_aws.set_faults(Faults(ses=ServiceFaults(refused=denied, only=("GetAccount",))))

    for _ in range(3):
        read_account(stack, client)
    fast_aws.deliver_many([(MAIL, [MASK])])
    wait_until("the mail is sent", lambda: len(fast_aws.accepted()) == 1)
    assert "AccessDeniedException" in causes(stack)["account_unreadable"]
    assert len(logged(workers, "account not readable")) == 1
    assert client.hget("relay:ses-account", "rate") is None


def test_the_backlog_is_told_in_time_and_named_by_what_limits_it(
    fast_aws: FastAws, stack: Stack, client: redis.Redis
) -> None:
    fast_aws.set_account(SendQuota={"Max24HourSend": 50_000, "MaxSendRate": 2})
    stack.start_bridge()
    stack.start_workers(threads=2)
    read_account(stack, client)
    fast_aws.deliver_many([(MAIL, [MASK])] * 400)

    def waits_for_ses() -> dict[str, Any] | None:
        backlog: dict[str, Any] = status(stack)["backlog"]
        return backlog if backlog["limited_by"] == "ses" and backlog["backlog_seconds"] else None

    backlog = wait_until("SES's rate is the limit", waits_for_ses)
    assert backlog is not None

    # What is not settled by then waits, or is in flight. SES's rate is two a second, with slack.
    assert 0 < backlog["waiting"] <= 400
    assert backlog["backlog_seconds"] >= backlog["waiting"] / 2 * 0.8


def settle(aws: FastAws, workers: Process, mask: str, number: int, **outcome: str) -> None:
    """Deliver mails, and wait for so many more outcomes like this."""
    before = len(logged(workers, "settled", **outcome))
    aws.deliver_many([(MAIL, [mask])] * number)
    wanted = before + number
    wait_until(f"{outcome}", lambda: len(logged(workers, "settled", **outcome)) >= wanted, 60)


def test_the_worst_masks_mail_is_held_and_follows_when_little_comes_back(
    fast_aws: FastAws, stack: Stack, client: redis.Redis
) -> None:
    stack.add_user(FRIEND)
    stack.add_mask(FRIEND, "--address", FRIENDS_MASK.split("@")[0])
    stack.start_bridge()
    workers = stack.start_workers()
    fast_aws.let_bounce({OWNER: REFUSED})
    settle(fast_aws, workers, MASK, 20, reason="bounce_not_about_mailbox")
    fast_aws.let_bounce({})
    settle(fast_aws, workers, FRIENDS_MASK, 65, outcome="forwarded")
    # The owner was told once, and that notice bounced, too.
    counts = {"forwarded": 85, "bounced": 21}
    wait_until("all is counted", lambda: all(counted(client, n) == counts[n] for n in counts))

    stack.run_job("watch_account")
    wait_until("the mask is held", lambda: logged(workers, "senders held", count=1))
    wait_until(
        "the workers know",
        lambda: settle_one(fast_aws, workers, MASK)["outcome"] == "held",
    )
    assert settle_one(fast_aws, workers, FRIENDS_MASK)["outcome"] == "forwarded"
    said = causes(stack)["senders_held"]
    assert said.startswith("Mail of one mask or sender is held: of 24 hours' ")

    # A day later, as far as the counts know: they are in Redis by the minute.
    for key in client.keys("relay:tally:*"):
        client.hdel(key, "bounced")
    stack.run_job("watch_account")
    wait_until("it is released", lambda: logged(workers, "released after brakes"))
    # A worker that has not heard of it yet would hold it again, for ten minutes.
    wait_until(
        "the workers know",
        lambda: settle_one(fast_aws, workers, MASK)["outcome"] == "forwarded",
    )
    held, sent = len(logged(workers, "settled", outcome="held")), len(fast_aws.accepted())

    def follows() -> bool:
        if not client.llen(f"dramatiq:{DEFAULT_QUEUE}"):
            stack.run_job("watch_account")
            stack.run_job("release_held_mails")
        return len(fast_aws.accepted()) >= sent + held

    wait_until("it follows", follows)
    wait_until("nothing is wrong any more", lambda: "senders_held" not in causes(stack))


def counted(client: redis.Redis, name: str) -> int:
    return sum(int(client.hget(key, name) or 0) for key in client.keys("relay:tally:*"))


def settle_one(aws: FastAws, workers: Process, mask: str) -> dict[str, object]:
    """Deliver a mail; returns how it was settled."""
    before = len(logged(workers, "settled"))
    aws.deliver_many([(MAIL, [mask])])
    wait_until("it is settled", lambda: len(logged(workers, "settled")) > before)
    return logged(workers, "settled")[before]
