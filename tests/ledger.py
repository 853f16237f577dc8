"""A ledger for tests, and messages put in flight as the bridge does."""

from dataclasses import dataclass

import dramatiq
import redis

from bridge.ledger.acknowledgements import Acknowledgements
from bridge.ledger.adoption import Adoption
from bridge.ledger.attempts import DeliveryAttempts
from bridge.ledger.dispatch import Dispatched, Dispatcher, Work
from bridge.ledger.in_flight import InFlight
from bridge.ledger.reservations import Reservations
from bridge.ledger.story import UNTOLD, Story
from bridge.messages import Handle
from bridge.ports import Queue
from bridge.visibility import Leases, Visibility
from emails import wire
from runtime.message_context import MessageContext
from tests.seals import SEALS

NOW_MS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Ledger:
    """All parts of the ledger, on one Redis."""

    client: redis.Redis
    in_flight: InFlight
    acknowledgements: Acknowledgements
    attempts: DeliveryAttempts
    reservations: Reservations


def a_ledger(client: redis.Redis, lifetime_seconds: int = 60) -> Ledger:
    """Make a ledger whose entries expire after `lifetime_seconds`."""
    return Ledger(
        client,
        InFlight(client, lifetime_seconds),
        Acknowledgements(client, lifetime_seconds, SEALS),
        DeliveryAttempts(client),
        Reservations(client, lifetime_seconds, queue="mail"),
    )


def a_visibility(
    queue: Queue,
    client: redis.Redis,
    leases: Leases,
    *,
    bridge: str = "b1",
    visibility_seconds: int = 60,
) -> Visibility:
    """Make a bridge's heartbeat over its leases."""
    return Visibility(
        queue,
        InFlight(client, 60),
        leases,
        acknowledgements=Acknowledgements(client, 60, SEALS),
        adoption=Adoption(client, bridge=bridge, queue=queue.queue_name),
        bridge=bridge,
        heartbeat_seconds=30,
        visibility_seconds=visibility_seconds,
    )


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
    max_in_flight: int = 0,
    lanes: tuple[str, ...] = (),
    about: MessageContext | None = None,
    story: Story = UNTOLD,
) -> Dispatched:
    """Dispatch a message that `bridge` received from the SQS queue `queue`."""
    work: dramatiq.Message[None] = dramatiq.Message(
        queue_name=actor_queue,
        actor_name=actor_name,
        args=(),
        kwargs={},
        options={wire.SQS_MESSAGE_ID: handle.message_id},
        message_id=handle.message_id,
    )
    dispatcher = Dispatcher(
        *(client, lifetime_seconds),
        seals=SEALS,
        bridge=bridge,
        queue=queue,
        is_replay=is_replay,
        max_in_flight=max_in_flight,
        story=story,
    )
    (dispatched,) = dispatcher.dispatch(
        [Work(handle, work, lanes, about=about or MessageContext())], now_ms
    )
    assert isinstance(dispatched, Dispatched)
    return dispatched
