"""The names of the ledger's keys in Redis, and of those of Dramatiq's that it touches.

Some names are older than the words of the code (`starts` are delivery attempts, the field `copies`
lists queue entries, `had_second_chance` marks a replay). They stay, so that bridges and workers
of two versions can share one Redis.
"""

from bridge.messages import MAX_HIDDEN_SECONDS
from emails.wire import BULK_QUEUE, INBOUND_QUEUE

NAMESPACE = "relay"
"""The prefix of Dramatiq's keys, as of all others: no other application's are beside them."""

BROKER_HEARTBEATS = f"{NAMESPACE}:__heartbeats__"
"""When each of Dramatiq's processes was last heard of: a sorted set of broker ids (ms)."""

_PREFIX = "relay"

FAILED_TTL_MS = (MAX_HIDDEN_SECONDS + 3600) * 1000
"""How long the entry of a failed message is kept: longer than SQS hides the message, so that an
operator's requeue finds the receipt handle by which it is deleted."""

IN_FLIGHT = f"{_PREFIX}:in-flight"
"""The messages in flight: a sorted set of their ids, by when each was dispatched (ms)."""

LANES = f"{_PREFIX}:lanes"
"""The work in flight of each lane: a sorted set of lanes."""

LANES_BEHIND = f"{_PREFIX}:lanes-behind"
"""How many messages of each lane wait in the overflow: a sorted set of lanes."""

CHARGES = f"{_PREFIX}:lane-charges"
"""What each message in flight is charged: a hash of `class work lane`, by message id."""

CLASSES = f"{_PREFIX}:lane-classes"
"""How many messages are in flight as `express`, as `bulk` and as `feedback`: a hash."""

OF_LANES = (LANES, LANES_BEHIND, CHARGES, CLASSES)
"""The last keys of each script that uses `lua/lanes.lua`."""

STORY = f"{_PREFIX}:story"
"""What became of the messages: a stream of events."""

OVERFLOW_SENT = f"{_PREFIX}:overflow-sent"
"""When the oldest of the messages was sent (ms) that last came back from the overflow queue."""

LANE_RELEASED = f"{_PREFIX}:lane-released:"
"""The prefix of the keys that exist while an operator has released a lane; see `lanes.lua`."""

RESERVED = f"{_PREFIX}:reserved"
"""The room in flight that bridges have reserved: a hash."""

ACKNOWLEDGEMENTS = f"{_PREFIX}:acknowledgements:"
"""The prefix of the lists of acknowledgements; the name of the SQS queue follows."""

DEAD_LETTER_BYTES = f"{_PREFIX}:dead-letter-bytes"
"""The bytes of the dead letters of each queue: a hash, by the key of the queue's messages."""

TAKEN = f"{_PREFIX}:taken-acknowledgements:"
"""The prefix of the acknowledgements that bridges took and have not confirmed; as above."""

HIDING = f"{_PREFIX}:hiding:"
"""The prefix of the keys that exist while a bridge hides those; as above."""


def message(message_id: str) -> str:
    """Name the entry of an SQS message (hash)."""
    return f"{_PREFIX}:message:{message_id}"


def bridge(name: str) -> str:
    """Name the sign of life of a bridge."""
    return f"{_PREFIX}:bridge:{name}"


def attempts(message_id: str) -> str:
    """Name the count of a message's delivery attempts without an orderly end."""
    return f"{_PREFIX}:starts:{message_id}"


def dead_letter_of(message_id: str) -> str:
    """Name the key that holds the id of an SQS message's dead letter."""
    return f"{_PREFIX}:dead-letter:{message_id}"


def reason_of(dead_letter_id: str) -> str:
    """Name the key that holds a dead letter's reason."""
    return f"{_PREFIX}:dead-letter-reason:{dead_letter_id}"


def queue(name: str) -> str:
    """Name one of Dramatiq's queues (list of ids)."""
    return f"{NAMESPACE}:{name}"


def queues_of(queue_name: str) -> tuple[str, ...]:
    """Return a queue, and the one where its messages may have been before."""
    other = {INBOUND_QUEUE: BULK_QUEUE, BULK_QUEUE: INBOUND_QUEUE}.get(queue_name)
    return (queue_name, other) if other else (queue_name,)


def fetched(broker_id: str, queue_name: str) -> str:
    """Name the set of what a worker's process has fetched from a queue and not acknowledged."""
    return f"{NAMESPACE}:__acks__.{broker_id}.{queue_name}"


def dead_letters(queue_name: str) -> str:
    """Name Dramatiq's dead letters of a queue: ids by when each died (sorted set, ms)."""
    return f"{queue(queue_name)}.XQ"


def messages_of(key: str) -> str:
    """Name the hash of the messages whose ids are in `key`: a queue, or its dead letters."""
    return f"{key}.msgs"
