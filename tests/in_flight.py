"""Puts messages in flight, as a bridge does."""

import dramatiq
import redis

from bridge.ledger.dispatch import Dispatched, Dispatcher, Work
from bridge.messages import Handle
from emails import wire

NOW_MS = 1_000_000_000


def put_in_flight(
    client: redis.Redis,
    handle: Handle,
    *,
    bridge: str = "b1",
    queue: str = "mail",
    actor_queue: str = wire.INBOUND_QUEUE,
    actor_name: str = "act",
    now_ms: int = NOW_MS,
    lifetime_seconds: int = 60,
    is_replay: bool = False,
) -> Dispatched:
    """Hand a message on that `bridge` received from the SQS queue `queue`."""
    work: dramatiq.Message[None] = dramatiq.Message(
        queue_name=actor_queue,
        actor_name=actor_name,
        args=(),
        kwargs={},
        options={wire.SQS_MESSAGE_ID: handle.message_id},
        message_id=handle.message_id,
    )
    handover = Dispatcher(client, lifetime_seconds, bridge=bridge, queue=queue, is_replay=is_replay)
    (handed,) = handover.dispatch([Work(handle, work)], now_ms)
    assert isinstance(handed, Dispatched)
    return handed
