"""A flood of forgeries touches nothing but SQS: it reaches neither Redis nor the database (P5).

There is no Redis where this poller looks for it, so that any use of it is an error. The database is
out of the bridge's reach altogether: it has no driver for it, and nobody tells it the address
(`test_the_bridge_imports_neither_django_nor_a_database_driver`).
"""

import itertools
import json
import logging
import threading
from collections.abc import Iterator

import pytest
from redis.exceptions import RedisError

from bridge.breakers import OwnBreakers
from bridge.dispositions import Disposition
from bridge.ledger.acknowledgements import Acknowledgements
from bridge.ledger.confirmations import Confirmations
from bridge.ledger.dispatch import Dispatcher
from bridge.ledger.reservations import Reservations
from bridge.parking import Parking
from bridge.poller import Poller, PollerOptions
from bridge.totals import Totals
from bridge.visibility import Leases
from runtime.redis_client import connect
from tests.environment import NOWHERE
from tests.fake_queue import FakeQueue
from tests.seals import SEALS
from tests.unit.bridge.envelopes import TOPIC, a_notification, authenticate

pytestmark = pytest.mark.slow

NO_REDIS = f"redis://{NOWHERE}/0"
FORGERIES = 10_000
BATCH = 10


GENUINE = a_notification()

# The first four are found out by their signature alone, and so cost most.
FORGED: list[object] = [
    GENUINE | {"Message": GENUINE["Message"] + " "},
    GENUINE | {"MessageId": "another"},
    GENUINE | {"Timestamp": "2012-01-01T00:00:00.000Z"},
    GENUINE | {"Type": "SubscriptionConfirmation", "Token": "t", "SubscribeURL": "u"},
    GENUINE | {"TopicArn": f"{TOPIC}2"},
    GENUINE | {"SigningCertURL": "https://sns.us-east-1.amazonaws.com.evil.example/a.pem"},
    GENUINE | {"SignatureVersion": "3"},
    [GENUINE],
]


def flooded_with(*contents: object) -> Poller:
    bodies = [json.dumps(content) for content in contents]
    # A whole batch of them, which is never hidden: the same messages come for ever.
    queue = FakeQueue(visibility_seconds=0)
    for body in itertools.islice(itertools.cycle(bodies), BATCH):
        queue.put(body)
    return Poller(
        queue=queue,
        reservations=Reservations(connect(NO_REDIS), 60, queue="mail"),
        has_room=lambda: True,
        leases=Leases(),
        acknowledgements=Acknowledgements(connect(NO_REDIS), 60, SEALS),
        dispatcher=Dispatcher(connect(NO_REDIS), 60, seals=SEALS, bridge="b1", queue="mail"),
        confirmations=Confirmations(connect(NO_REDIS), SEALS),
        authenticate=authenticate,
        seal=SEALS.seal,
        parking=Parking(queue, visibility_seconds=30),
        breakers=OwnBreakers(connect(NO_REDIS), "b1"),
        totals=Totals(),
        options=PollerOptions("b1", 1000, 30, False, False),
        stopping=threading.Event(),
    )


@pytest.fixture
def _quiet() -> Iterator[None]:
    """Without a log line for each, which others test."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.usefixtures("_quiet")
def test_ten_thousand_forgeries_are_rejected_without_a_word_to_redis() -> None:
    poller = flooded_with(*FORGED)

    cycles = [poller.cycle(BATCH) for _ in range(FORGERIES // BATCH)]

    assert sum(cycle.dispositions[Disposition.REJECTED] for cycle in cycles) == FORGERIES


def test_a_genuine_message_among_them_would_have_been_noticed() -> None:
    poller = flooded_with(*FORGED, GENUINE)

    with pytest.raises(RedisError):
        poller.cycle(BATCH)
