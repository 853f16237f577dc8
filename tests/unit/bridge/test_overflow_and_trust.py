"""What went through the overflow queue is as trusted as what did not, and no more."""

import json

import pytest

from emails.wire import BULK_QUEUE, SQS_MESSAGE_ID, TAKING_KEY
from runtime.seals import Forged
from tests.seals import SEALS
from tests.unit.bridge.lane_world import MOST, World, a_mail


def test_what_comes_back_is_sealed_about_the_id_it_came_back_with() -> None:
    """By that id it is acknowledged, so that the copy in the overflow queue is deleted."""
    world, body = World(), a_mail()
    world.put(MOST, body)
    world.poll(MOST // 10)
    world.end_all(BULK_QUEUE)
    world.of_overflow.cycle(world.of_overflow.demand(1))

    (stored,) = world.ledger.client.hvals(f"relay:{BULK_QUEUE}.msgs")
    message = json.loads(stored)
    sqs_message_id, sealed = message["options"][SQS_MESSAGE_ID], message["kwargs"]["envelope"]

    assert sqs_message_id.startswith("moved-")
    assert SEALS.open(sealed, sqs_message_id) == body
    with pytest.raises(Forged):
        SEALS.open(sealed, "another-id")


def test_only_who_reads_the_main_queue_says_that_ses_s_events_are_taken() -> None:
    world = World()
    for poller in (world.of_overflow, world.poller):
        assert not world.ledger.client.exists(TAKING_KEY)
        poller.cycle(poller.demand(10))
        poller.demand(10)
    assert world.ledger.client.exists(TAKING_KEY)
