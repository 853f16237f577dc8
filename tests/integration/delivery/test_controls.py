"""Controls on whole processes: in force on all of them within two seconds, and nothing is lost."""

import time

import psycopg
import pytest

from tests.integration.conftest import Relay, wait_for_log
from tests.waiting import wait_until

IN_FORCE_SECONDS = 2.0
_A_CALL = 8.0
"""What it may take more on a loaded machine until a log line is read here."""


@pytest.mark.timeout(240)
def test_a_pause_holds_for_all_processes_and_afterwards_each_mail_is_sent_once(
    relay: Relay, migrated: str
) -> None:
    bridge = relay.stack.start_bridge()
    workers = relay.stack.start_workers()
    relay.deliver()
    relay.wait_for_empty_queue()
    assert len(relay.aws.sent()) == 1

    control(relay, "pause", "sending")
    ordered = time.monotonic()
    for process in (bridge, workers):
        assert wait_for_log(process, "control in force")["action"] == "pause-sending"
    assert time.monotonic() - ordered < IN_FORCE_SECONDS + _A_CALL
    for _ in range(3):
        relay.deliver()
    relay.stack.manage("control", "list")
    assert len(relay.aws.sent()) == 1

    relay.stack.manage("control", "resume", "sending", "--by", "ann")
    wait_until("all are sent", lambda: len(relay.aws.sent()) == 4, seconds=60)
    relay.wait_for_empty_queue()
    assert len(relay.aws.sent()) == 4


@pytest.mark.timeout(240)
def test_a_frozen_owner_s_mail_is_held_and_released_when_the_freeze_ends(
    relay: Relay, migrated: str
) -> None:
    relay.stack.start_bridge()
    workers = relay.stack.start_workers()
    with psycopg.connect(migrated) as connection:
        ((owner,),) = connection.execute("SELECT id FROM emails_profile").fetchall()
    control(relay, "freeze", "owner", str(owner))
    wait_for_log(workers, "control in force")
    relay.deliver()
    assert wait_for_log(workers, "settled")["reason"] == "frozen"
    assert relay.aws.sent() == []

    relay.stack.manage("control", "unfreeze", "owner", str(owner), "--by", "ann")
    wait_for_log(workers, "control ended")
    relay.stack.run_job("release_frozen_mails")
    wait_for_log(workers, "released after freezes")

    def is_sent() -> bool:
        relay.stack.run_job("release_held_mails")
        return len(relay.aws.sent()) == 1

    wait_until("it is sent", is_sent, seconds=60)


def control(relay: Relay, *arguments: str) -> None:
    options = ("--for", "1h", "--why", "a drill", "--by", "ann")
    relay.stack.manage("control", *arguments, *options)
