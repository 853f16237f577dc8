"""What the bridge writes into Dramatiq's queues is what Dramatiq's broker would write there."""

import json
from typing import Any, cast

import dramatiq
import redis

from bridge.ledger.dispatch import Dispatcher, Work
from bridge.messages import Handle
from emails import wire
from relay.worker.broker import broker_on
from tests.seals import SEALS

WORK: dramatiq.Message[None] = dramatiq.Message(
    queue_name=wire.INBOUND_QUEUE,
    actor_name=wire.ACTOR_NAME,
    args=(),
    kwargs={"notification": "Grüße\r\n\0"},
    options={wire.SQS_MESSAGE_ID: "message-1"},
    message_id="message-1",
)


def written(redis_client: redis.Redis) -> dict[str, Any]:
    """Read what lies in Dramatiq's keys, and empty them; the copies' names are chance's."""
    queue, messages = (
        redis_client.lrange("relay:inbound", 0, -1),
        redis_client.hgetall("relay:inbound.msgs"),
    )
    found = cast("list[bytes]", redis_client.keys("relay:inbound*"))
    names = {key.decode() for key in found}
    told = [json.loads(messages[one]) for one in queue]
    for one, message in zip(cast("list[bytes]", queue), told, strict=True):
        assert message["options"].pop("redis_message_id") == one.decode()
    redis_client.flushdb()
    return {"keys": names, "messages": told}


def test_a_message_that_is_handed_on_is_one_that_dramatiq_enqueued(
    redis_client: redis.Redis,
) -> None:
    broker = broker_on(redis_client)
    for _ in range(2):
        broker.enqueue(WORK)
    expected = written(redis_client)

    handover = Dispatcher(redis_client, 60, seals=SEALS, bridge="b1", queue="mail")
    for name in ("message-1", "message-2"):
        handover.dispatch([Work(Handle(name, "handle"), WORK)], now_ms=1)

    assert written(redis_client) == expected
    assert len(expected["messages"]) == 2
