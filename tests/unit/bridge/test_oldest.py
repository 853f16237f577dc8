"""How old the oldest mail is that a bridge has and that is not settled, wherever it is."""

import json
from dataclasses import replace

import dramatiq
import pytest

from bridge.given_back import REMEMBERED_SECONDS, GivenBack
from bridge.ledger.dispatch import Work
from bridge.messages import Handle, Message
from bridge.visibility import Leases
from bridge.waiting import Waiting
from runtime.message_context import MessageContext
from tests.fake_queue import FakeQueue
from tests.unit.bridge.parking_world import World

OF_ONE = Message("m1", "h1", "", receive_count=1, sent_at_ms=1_000)
OF_TWO = replace(OF_ONE, message_id="m2", sent_at_ms=2_000)


def about(message: Message) -> MessageContext:
    return MessageContext(message.message_id, received_at_ms=message.sent_at_ms)


def test_in_flight_until_it_ends() -> None:
    leases = Leases()
    for one in (OF_TWO, OF_ONE):
        leases.add(one.handle, about(one))
    assert leases.find_oldest_ms() == 1_000

    leases.drop([OF_ONE.handle])

    assert leases.find_oldest_ms() == 2_000


def test_a_lease_that_says_nothing_of_its_mail_is_left_out() -> None:
    leases = Leases()
    leases.add(Handle("m1", "h1"))

    assert leases.find_oldest_ms() is None


def test_waiting_for_room() -> None:
    waiting = Waiting(FakeQueue(), visibility_seconds=30)
    assert waiting.find_oldest_ms() is None
    for one in (OF_TWO, OF_ONE):
        message: dramatiq.Message[None] = dramatiq.Message("inbound", "act", (), {}, {})
        assert waiting.add(Work(one.handle, message, about=about(one)))

    assert waiting.find_oldest_ms() == 1_000


@pytest.mark.parametrize("places", [10, 0], ids=["parked", "deferred"])
def test_while_the_certificate_host_is_away(places: int) -> None:
    world = World(places=places)
    world.is_host_up = False
    world.queue.pass_time(7)
    world.deliver(1)

    found = [world.parking.find_oldest_ms(), world.poller.given_back.find_oldest_ms()]
    assert found == ([7_000, None] if places else [None, 7_000])

    world.is_host_up = True
    world.pass_time(60)
    world.deliver(0)
    world.poller.cycle(10)
    assert world.parking.find_oldest_ms() is None
    assert world.poller.given_back.find_oldest_ms() is None


def test_what_redis_refused_is_remembered_until_it_must_have_come_back() -> None:
    now = [0.0]
    given_back = GivenBack(monotonic=lambda: now[0])
    given_back.note(OF_TWO)
    given_back.note(OF_ONE)
    assert given_back.find_oldest_ms() == 1_000

    given_back.forget("m1")
    assert given_back.find_oldest_ms() == 2_000

    now[0] = REMEMBERED_SECONDS
    assert given_back.find_oldest_ms() is None


def test_a_rejected_message_is_no_unsettled_mail() -> None:
    world = World()
    world.deliver(1, json.dumps({"no": "envelope"}))

    assert world.poller.given_back.find_oldest_ms() is None
