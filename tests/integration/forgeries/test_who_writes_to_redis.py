"""Somebody who can write to Redis can neither send nor delete anything by it (P5).

Each test writes what an attacker would, while the real processes run.
"""

import json
import time
import uuid
from typing import Any, cast

from tests.integration.conftest import MASK, OWNER, Relay, logged, wait_for_log
from tests.waiting import wait_until
from tools.local import ses
from tools.local.aws import BUCKET
from tools.local.processes import Process

QUEUE, MESSAGES, DEAD = "relay:inbound", "relay:inbound.msgs", "relay:inbound.XQ"
ANNS_MAIL = b"From: bank@bank.example\r\nSubject: code\r\n\r\nthe code is swordfish\r\n"


def a_notification() -> str:
    """What SES would say of a mail to a mask of the attacker's, with the key of Ann's mail."""
    return json.dumps(ses.received_in_s3(ANNS_MAIL, [MASK], bucket=BUCKET, key="anns-mail"))


def enqueue(relay: Relay, kwargs: dict[str, Any], sqs_message_id: str | None) -> None:
    """Write a Dramatiq message."""
    entry = str(uuid.uuid4())
    options = {"redis_message_id": entry}
    message = {
        "queue_name": "inbound",
        "actor_name": "process_notification",
        "args": [],
        "kwargs": kwargs,
        "options": options | ({"sqs_message_id": sqs_message_id} if sqs_message_id else {}),
        "message_id": str(uuid.uuid4()),
        "message_timestamp": int(time.time() * 1000),
    }
    relay.redis.hset(MESSAGES, entry, json.dumps(message))
    relay.redis.rpush(QUEUE, entry)


def dead_letters(relay: Relay) -> list[dict[str, Any]]:
    listed = relay.stack.manage("dead_letters", "list", "--json")
    return [json.loads(line) for line in listed.splitlines()]


def work_off_one_mail(relay: Relay, workers: Process) -> None:
    """A genuine mail is forwarded, behind all that was written before."""
    relay.deliver()
    wait_for_log(workers, "settled")


FORGED: dict[str, dict[str, Any]] = {
    "notification": {"envelope": a_notification()},
    "unsigned": {"envelope": json.dumps({"Type": "Notification", "Message": a_notification()})},
    "none": {"envelope": None},
    "of-an-earlier-version": {"sns_message_id": "forged-1", "notification": a_notification()},
    "nothing": {},
}
"""What Dramatiq's messages carry."""


def test_forged_messages_forward_nothing(relay: Relay) -> None:
    relay.aws.s3.put_object(Bucket=BUCKET, Key="anns-mail", Body=ANNS_MAIL)
    relay.stack.start_bridge()
    workers = relay.stack.start_workers(PROCESS_EMAIL_MAX_RETRIES="0")
    for name, kwargs in FORGED.items():
        enqueue(relay, kwargs, name)

    wait_until("dead letters", lambda: relay.redis.zcard(DEAD) == len(FORGED))
    work_off_one_mail(relay, workers)

    (sent,) = relay.aws.sent()
    assert b"swordfish, too" in sent.raw
    reasons = {letter["sqs_message_id"]: letter["reason"] for letter in dead_letters(relay)}
    assert reasons.keys() == FORGED.keys()
    with_envelope = [name for name, kwargs in FORGED.items() if "envelope" in kwargs]
    assert {reasons[name] for name in with_envelope} == {"refused:not_authentic"}
    seen = logged(workers, "forged entry in redis", what="message")
    assert {line["sqs_message_id"] for line in seen} == set(with_envelope)


def test_a_genuine_message_under_another_id_is_refused_and_the_other_stays_in_sqs(
    relay: Relay,
) -> None:
    """A worker would acknowledge it, and the bridge delete somebody's waiting mail for that."""
    bridge = relay.stack.start_bridge(PROCESS_EMAIL_VISIBILITY_SECONDS="600")
    seen, wanted = relay.deliver(), relay.deliver()
    wait_until("two messages", lambda: relay.redis.llen(QUEUE) == 2)
    stored = cast("list[bytes]", relay.redis.hvals(MESSAGES))
    of_seen = next(one for one in map(json.loads, stored) if one["message_id"] == seen)
    bridge.stop()  # or it dispatches again what vanishes here
    relay.redis.delete(QUEUE, MESSAGES)
    enqueue(relay, of_seen["kwargs"], wanted)

    relay.stack.start_workers()

    wait_until("a dead letter", lambda: relay.redis.zcard(DEAD) == 1)
    assert [one["reason"] for one in dead_letters(relay)] == ["refused:not_authentic"]
    assert relay.queued() == 2
    assert relay.aws.sent() == []


def acknowledgement(relay: Relay, message_id: str, **fields: Any) -> str:
    """Write one as `acknowledge.lua` does, with all that can be read in Redis."""
    name = f"relay:message:{message_id}"
    handle, queue = cast("list[bytes]", relay.redis.hmget(name, "handle", "queue"))
    assert queue == b"mail"
    given = {
        "message_id": message_id,
        "receipt_handle": handle.decode(),
        "received_at_ms": int(time.time() * 1000),
        "succeeded": True,
        "reason": "",
        "proof": "",
    }
    return json.dumps(given | fields)


def test_a_forged_acknowledgement_deletes_nothing_from_sqs(relay: Relay) -> None:
    bridge = relay.stack.start_bridge()
    wanted = relay.deliver()
    wait_until("a message", lambda: relay.redis.llen(QUEUE) == 1)
    forged = [
        acknowledgement(relay, wanted),
        acknowledgement(relay, wanted, proof="A" * 22),
        acknowledgement(relay, wanted, succeeded=1),
        *("{}", "[]", "junk", r'{"message_id": "\ud800"}', '{"message_id": "x"}', "[" * 5000),
    ]
    relay.redis.rpush("relay:acknowledgements:mail", *forged)

    seen = "forged entry in redis"
    wait_until("all seen", lambda: len(logged(bridge, seen)) >= len(forged))

    # They are logged before they are taken out of Redis.
    taken = "relay:taken-acknowledgements:mail"
    wait_until("none is kept", lambda: relay.redis.zcard(taken) == 0)
    assert relay.queued() == 1
    relay.stack.start_workers()
    relay.wait_for_empty_queue()
    assert [one.recipients for one in relay.aws.sent()] == [(OWNER,)]


def test_the_proof_of_one_message_does_not_delete_another_by_its_handle(relay: Relay) -> None:
    """SQS deletes whatever the receipt handle stands for."""
    bridge = relay.stack.start_bridge()
    workers = relay.stack.start_workers()
    seen = relay.deliver()
    relay.wait_for_empty_queue()
    workers.stop()
    proof = cast("bytes", relay.redis.hget(f"relay:message:{seen}", "proof")).decode()
    wanted = relay.deliver()
    wait_until("a message", lambda: relay.redis.llen(QUEUE) == 1)

    swapped = json.loads(acknowledgement(relay, wanted, proof=proof)) | {"message_id": seen}
    relay.redis.rpush("relay:acknowledgements:mail", json.dumps(swapped))

    wait_for_log(bridge, "forged entry in redis", what="acknowledgement")
    assert relay.queued() == 1


def test_a_message_that_redis_says_was_processed_is_processed_all_the_same(relay: Relay) -> None:
    wanted = relay.deliver()
    relay.redis.hset(f"relay:message:{wanted}", mapping={"state": "done", "proof": "A" * 22})

    bridge = relay.stack.start_bridge()
    relay.stack.start_workers()

    relay.wait_for_sent(1)
    relay.wait_for_empty_queue()
    assert wait_for_log(bridge, "forged entry in redis", what="end")["sqs_message_id"] == wanted


def test_nothing_of_a_mail_lies_in_redis_in_the_clear(relay: Relay) -> None:
    """Neither while it waits nor as a dead letter."""
    relay.gate.refuse(400)
    relay.stack.start_bridge()
    relay.deliver()
    wait_until("a message", lambda: relay.redis.llen(QUEUE) == 1)
    waiting = everything(relay)
    relay.stack.start_workers()
    wait_until("a dead letter", lambda: relay.redis.zcard(DEAD) == 1)

    for found in (waiting, everything(relay)):
        assert b"inbound" in found
        for secret in (b"swordfish", b"ann@sender", b"x7k2", OWNER.encode(), b"masks.example"):
            assert secret not in found


def everything(relay: Relay) -> bytes:
    """All keys and values, as strings or as what they are made of."""
    found = []
    for key in cast("list[bytes]", relay.redis.keys("*")):
        found += [key, relay.redis.dump(key) or b""]
        kind = relay.redis.type(key)
        if kind == b"hash":
            found += cast("list[bytes]", relay.redis.hvals(key.decode()))
        elif kind == b"string":
            found.append(cast("bytes", relay.redis.get(key)))
        elif kind == b"list":
            found += cast("list[bytes]", relay.redis.lrange(key.decode(), 0, -1))
    return b"\n".join(found)
