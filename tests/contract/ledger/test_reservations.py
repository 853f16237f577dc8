"""Room in flight, reserved by several bridges: how long each reservation holds."""

import redis

from bridge.ledger import keys
from bridge.messages import Handle
from tests.ledger import NOW_MS, Ledger, put_in_flight

SECONDS = 30
LIFETIME_MS = 60_000


def reserve(ledger: Ledger, bridge: str, *, at_ms: int = 0, at_most: int = 10) -> int:
    """Ask for ten, `at_ms` after now."""
    now_ms = NOW_MS + at_ms
    return ledger.reservations.reserve(
        10, bridge=bridge, at_most=at_most, now_ms=now_ms, seconds=SECONDS
    )


def test_a_reservation_holds_until_its_time_is_over_and_no_longer(ledger: Ledger) -> None:
    """A bridge that was killed must not keep its room from the others for ever."""
    reserve(ledger, "b1")

    assert reserve(ledger, "b2", at_ms=SECONDS * 1000) == 0
    assert reserve(ledger, "b2", at_ms=SECONDS * 1000 + 1) == 10


def test_each_reservation_of_a_bridge_starts_its_time_anew(ledger: Ledger) -> None:
    reserve(ledger, "b1")
    reserve(ledger, "b1", at_ms=20_000)

    assert reserve(ledger, "b2", at_ms=20_000 + SECONDS * 1000) == 0


def test_the_reservations_of_bridges_that_are_gone_are_removed(
    ledger: Ledger, redis_client: redis.Redis
) -> None:
    """Each restart of a bridge makes a new name."""
    for number in range(5):
        reserve(ledger, f"b{number}", at_ms=number * 31_000)

    assert redis_client.hkeys(keys.RESERVED) == [b"b4"]
    assert 0 < redis_client.pttl(keys.RESERVED) <= LIFETIME_MS


def test_messages_take_up_room_for_their_lifetime_and_no_longer(ledger: Ledger) -> None:
    """A message that no worker reached: SQS delivers it again, and somebody must have room."""
    put_in_flight(ledger.client, Handle("message-1", "handle"))

    assert reserve(ledger, "b1", at_ms=LIFETIME_MS) == 9
    assert reserve(ledger, "b1", at_ms=LIFETIME_MS + 1) == 10


def test_there_is_no_room_where_more_is_in_flight_than_may_be(ledger: Ledger) -> None:
    """The operator has lowered the limit."""
    for number in range(3):
        put_in_flight(ledger.client, Handle(f"message-{number}", "handle"))

    assert reserve(ledger, "b1", at_most=2) == 0
    assert reserve(ledger, "b2", at_most=3) == 0
