"""A mail's whole way, and the point at which its message may leave SQS (P1, P2).

Lesson 1: a temporary failure that nobody looked at, and the message was deleted.
"""

import json
import os
import signal
from typing import Any

from tests.integration.conftest import MAIL, MASK, OWNER, Relay, children, logged, wait_for_log
from tests.waiting import wait_until
from tools.local.ses import received_inline


def test_a_mail_is_forwarded_and_then_its_message_and_its_mail_are_deleted(relay: Relay) -> None:
    bridge, workers = relay.stack.start_bridge(), relay.stack.start_workers()

    message_id = relay.deliver()

    relay.wait_for_empty_queue()
    (mail,) = relay.aws.sent()
    assert (mail.sender, mail.recipients) == (MASK, (OWNER,))
    assert b"the body is swordfish, too" in mail.raw
    assert relay.aws.stored_mails() == []
    assert wait_for_log(bridge, "message processed", sqs_message_id=message_id)["success"] is True
    settled = wait_for_log(workers, "settled")
    assert settled["outcome"] == "forwarded"
    ended = wait_for_log(bridge, "message processed")
    wait_until("its story", lambda: b"deleted" in str(relay.redis.xrange("relay:story")).encode())
    story = json.loads(relay.stack.manage("trace", str(settled["mail_id"]), "--json"))
    assert story["sqs_message_ids"] == [message_id]
    assert story["sns_message_ids"] == [settled["sns_message_id"]]
    whats = [step["what"] for step in story["steps"]]
    assert whats == [
        *("received_by_ses", "sent_to_sqs", "enqueued", "begun", "claimed", "mask"),
        *("sent", "settled", "ended", "deleted"),
    ]
    assert story["ends"][0].endswith(": forwarded existing_mask")
    assert story["unknown"] == []
    told = json.dumps(story) + str(relay.redis.xrange("relay:story"))
    assert "swordfish" not in told
    assert "@" not in told
    ids = {name: settled[name] for name in ("sqs_message_id", "sns_message_id", "mail_id")}
    assert ids.items() <= ended.items()
    assert ids["sqs_message_id"] == message_id


def test_a_message_is_in_sqs_as_long_as_its_actor_runs(relay: Relay) -> None:
    relay.gate.hold()
    bridge, _ = relay.stack.start_bridge(), relay.stack.start_workers()
    relay.deliver()

    wait_until("the actor runs", lambda: relay.gate.arrived)
    # Its visibility ends three times over, in this time, if nobody extends it.
    wait_until(
        "a dozen cycles", lambda: len(logged(bridge, "cycle", message_count=0)) > 12, seconds=40
    )

    assert relay.queued() == 1
    assert logged(bridge, "cycle", already_in_flight=1) == [], "its visibility was not extended"
    relay.gate.open()
    relay.wait_for_empty_queue()
    assert len(relay.aws.sent()) == 1


def test_a_message_whose_actor_fails_stays_in_sqs_and_is_forwarded_later_once(
    relay: Relay,
) -> None:
    relay.gate.refuse(503)
    relay.stack.start_bridge()
    workers = relay.stack.start_workers()
    relay.deliver()

    wait_for_log(workers, "not settled", reason="mail_store_unavailable")
    assert relay.queued() == 1
    assert relay.aws.sent() == []

    relay.gate.open()
    relay.wait_for_empty_queue()
    assert len(relay.aws.sent()) == 1


def test_a_message_whose_worker_is_killed_stays_in_sqs_and_is_forwarded_later_once(
    relay: Relay,
) -> None:
    relay.gate.hold()
    relay.stack.start_bridge()
    # Nobody takes a claim over before its worker would have been ended: so, a short limit.
    limit: dict[str, Any] = {"PROCESS_EMAIL_MAX_SECONDS_PER_MESSAGE": "5"}
    workers = relay.stack.start_workers(**limit)
    relay.deliver()
    wait_until("the actor runs", lambda: relay.gate.arrived)

    workers.send_to_group(signal.SIGKILL)
    workers.wait(10)
    relay.gate.open()

    assert relay.queued() == 1
    # Another attempt, when Redis has noticed the death; lesson 29 says how long that can take.
    relay.stack.start_workers(**limit)
    relay.wait_for_empty_queue(seconds=90)
    assert len(relay.aws.sent()) == 1


def test_a_message_whose_worker_is_killed_after_it_deleted_the_mail_ends_like_any_other(
    relay: Relay,
) -> None:
    relay.gate.hold_deletions()
    bridge = relay.stack.start_bridge()
    workers = relay.stack.start_workers()
    message_id = relay.deliver()
    wait_until("S3 has deleted it", lambda: relay.gate.deleted)
    workers.send_to_group(signal.SIGKILL)
    workers.wait(10)
    relay.gate.open()
    assert relay.queued() == 1
    assert relay.aws.stored_mails() == []

    relay.stack.start_workers()

    relay.wait_for_empty_queue(seconds=90)
    assert wait_for_log(bridge, "message processed", sqs_message_id=message_id)["success"] is True
    assert len(relay.aws.sent()) == 1


def test_a_bridge_that_was_killed_loses_nothing(relay: Relay) -> None:
    relay.gate.hold()
    bridge = relay.stack.start_bridge()
    relay.stack.start_workers()
    relay.deliver()
    wait_until("the actor runs", lambda: relay.gate.arrived)

    bridge.send(signal.SIGKILL)
    bridge.wait(10)
    relay.gate.open()
    relay.wait_for_sent(1)
    assert relay.queued() == 1

    relay.stack.start_bridge()
    relay.wait_for_empty_queue()
    assert len(relay.aws.sent()) == 1


def test_the_messages_of_a_killed_bridge_are_deleted_by_the_other(relay: Relay) -> None:
    relay.gate.hold()
    one = relay.stack.start_bridge(PROCESS_EMAIL_VISIBILITY_SECONDS="60")
    relay.stack.start_workers()
    relay.deliver()
    wait_for_log(one, "cycle", enqueued=1)
    other = relay.stack.start_bridge(PROCESS_EMAIL_VISIBILITY_SECONDS="60")
    wait_for_log(other, "cycle")

    one.send(signal.SIGKILL)
    one.wait(10)
    relay.gate.open()

    # Long before it would be delivered again.
    relay.wait_for_empty_queue(seconds=20)
    wait_for_log(other, "message processed", success=True)
    assert logged(other, "cycle", already_in_flight=1) == []


def test_what_redis_forgot_starts_anew_and_is_sent_once(relay: Relay) -> None:
    bridge = relay.stack.start_bridge()
    relay.deliver()
    wait_for_log(bridge, "cycle", enqueued=1)

    relay.redis.flushall()
    wait_for_log(bridge, "messages lost by redis", message_count=1)

    relay.stack.start_workers()
    relay.wait_for_empty_queue()
    assert len(relay.aws.sent()) == 1


def test_a_notification_that_sns_delivers_twice_is_sent_once(relay: Relay) -> None:
    """Three SQS messages, one SNS message id: only the database can tell.

    The mail is in the notification itself: in S3 it would be gone after the first time.
    """
    told = received_inline(MAIL, [MASK], ses_id="the-same")
    for _ in range(3):
        relay.aws.notify(told, message_id="the-same")
    bridge = relay.stack.start_bridge()
    relay.stack.start_workers()

    relay.wait_for_empty_queue()

    assert len(relay.aws.sent()) == 1
    assert len(logged(bridge, "message processed", success=True)) == 3


def test_a_signal_to_the_whole_group_lets_the_running_message_finish(relay: Relay) -> None:
    """Each worker is told by the kernel and then again by its master, which it used to take for
    two orders: the job was cut, and two messages stranded.

    The two arrive here one by one, as they do when the master is slow; at once, they may be one.
    """
    relay.gate.hold()
    relay.stack.start_bridge()
    workers = relay.stack.start_workers()
    relay.deliver()
    wait_until("the actor runs", lambda: relay.gate.arrived)

    for worker in children(workers):
        os.kill(worker, signal.SIGTERM)
    wait_for_log(workers, "Stopping worker process...")
    workers.send(signal.SIGTERM)
    relay.gate.open()

    assert workers.wait(30) == 0
    relay.wait_for_empty_queue()
    assert len(relay.aws.sent()) == 1
    assert logged(workers, "Killing worker process...") == []


def test_nothing_of_a_mail_is_in_any_log(relay: Relay) -> None:
    """Lessons 20 and 35, with a failure on the way, since that is when arguments are printed."""
    relay.gate.refuse(500)
    bridge, workers = relay.stack.start_bridge(), relay.stack.start_workers()
    relay.deliver()
    wait_for_log(workers, "not settled")
    relay.gate.open()
    relay.wait_for_empty_queue()

    for process in (bridge, workers):
        text = process.log.read_text()
        for secret in ("swordfish", "ann@sender.example", OWNER, MASK):
            assert secret not in text, process.name
