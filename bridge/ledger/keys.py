"""The names of the keys in Redis: the bookkeeping's own, and those of Dramatiq that it touches."""

NAMESPACE = "dramatiq"
"""What the names of Dramatiq's keys begin with."""

_PREFIX = "relay"

IN_FLIGHT = f"{_PREFIX}:in-flight"
"""The messages in flight: a sorted set of their ids, by when each was handed on (ms)."""

RESERVED = f"{_PREFIX}:reserved"
"""The room in flight that bridges have reserved: a hash."""

ACKNOWLEDGEMENTS = f"{_PREFIX}:acknowledgements:"
"""What the lists of acknowledgements begin with; the name of the SQS queue follows."""


def message(message_id: str) -> str:
    """Name the entry of an SQS message (hash)."""
    return f"{_PREFIX}:message:{message_id}"


def starts(message_id: str) -> str:
    """Name the count of a message's starts that had no end."""
    return f"{_PREFIX}:starts:{message_id}"


def dead_letter_of(message_id: str) -> str:
    """Name what says which dead letter an SQS message left behind."""
    return f"{_PREFIX}:dead-letter:{message_id}"


def reason_of(dead_letter_id: str) -> str:
    """Name what says why a dead letter is one."""
    return f"{_PREFIX}:dead-letter-reason:{dead_letter_id}"


def queue(name: str) -> str:
    """Name one of Dramatiq's queues (list of ids)."""
    return f"{NAMESPACE}:{name}"


def dead_letters(queue_name: str) -> str:
    """Name Dramatiq's dead letters of a queue: ids by when each died (sorted set, ms)."""
    return f"{queue(queue_name)}.XQ"


def messages_of(key: str) -> str:
    """Name the messages whose ids are under `key`, a queue or its dead letters (hash)."""
    return f"{key}.msgs"
