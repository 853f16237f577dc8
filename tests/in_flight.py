"""Puts messages in flight, as a bridge does."""

import dramatiq
import redis

from bridge.handover import Handed, Handover, Parcel
from bridge.inbox import Handle
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
    is_second_chance: bool = False,
) -> Handed:
    """Hand a message on that `bridge` received from the SQS queue `queue`."""
    work: dramatiq.Message[None] = dramatiq.Message(
        queue_name=actor_queue,
        actor_name=actor_name,
        args=(),
        kwargs={},
        options={wire.SQS_MESSAGE_ID: handle.message_id},
        message_id=handle.message_id,
    )
    handover = Handover(
        client, lifetime_seconds, bridge=bridge, queue=queue, is_second_chance=is_second_chance
    )
    (handed,) = handover.hand_on([Parcel(handle, work)], now_ms)
    assert isinstance(handed, Handed)
    return handed
