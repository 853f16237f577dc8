"""Room in flight, reserved by a bridge before it receives: so the limit holds for all bridges."""

from typing import TYPE_CHECKING

from bridge.ledger import keys
from bridge.ledger.scripts import script
from emails.wire import TAKING_KEY, TAKING_SECONDS
from runtime.breakers import RESUMED_KEY, RESUMED_SECONDS

if TYPE_CHECKING:
    from redis import Redis


_ABOUT_TO_BE_TAKEN = 100
"""How many acknowledgements may wait while all is well."""

_PAUSE_SECONDS = 10
"""After a longer pause, while nobody listens, more may wait in SQS than one receive brings."""


class Reservations:
    """The reservations of an SQS queue's bridges. Errors of Redis pass through as `RedisError`."""

    def __init__(self, client: "Redis", lifetime_seconds: int, *, queue: str) -> None:
        self._acknowledgements = keys.ACKNOWLEDGEMENTS + queue
        self._lifetime_ms = lifetime_seconds * 1000
        self._reserve = script(client, "reserve")

    def reserve(
        self,
        wanted: int,
        *,
        bridge: str,
        at_most: int,
        now_ms: int,
        seconds: float,
        has_received: bool = False,
        listened_seconds: float = 0.0,
    ) -> int:
        """Reserve room for messages that `bridge` is about to receive; returns for how many.

        The reservation holds for `seconds`, or until the bridge's next one. What is in flight and
        what all bridges have reserved together never exceeds `at_most`. What has ended and can't be
        deleted from SQS counts as in flight.

        `has_received`: the bridge has received, and dealt with all of it, since the last one. This
        tells the workers that what SQS has is taken. `listened_seconds` is how long that receive
        waited for messages: meanwhile none waited for a bridge.
        """
        granted: int = self._reserve(
            keys=[keys.IN_FLIGHT, keys.RESERVED, self._acknowledgements, TAKING_KEY, RESUMED_KEY],
            args=[
                *(bridge, wanted, at_most, now_ms),
                *(self._lifetime_ms, now_ms + int(seconds * 1000), _ABOUT_TO_BE_TAKEN),
                *(int(has_received), TAKING_SECONDS * 1000),
                *(int((_PAUSE_SECONDS + listened_seconds) * 1000), RESUMED_SECONDS * 1000),
            ],
        )
        return granted
