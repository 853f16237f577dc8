"""A poller for a fake queue and a given ledger; it accepts envelopes signed by `our_signer`."""

import threading
from collections.abc import Callable
from functools import partial

from bridge.breakers import OwnBreakers
from bridge.judge import Authenticate
from bridge.ledger.confirmations import Confirmations
from bridge.ledger.dispatch import Dispatcher
from bridge.parking import Parking
from bridge.poller import Poller, PollerOptions
from bridge.totals import Totals
from bridge.visibility import Leases
from tests.fake_queue import FakeQueue
from tests.ledger import Ledger
from tests.seals import SEALS
from tests.unit.bridge import envelopes
from tests.unit.bridge.envelopes import TOPIC


def a_poller(
    queue: FakeQueue,
    ledger: Ledger,
    *,
    leases: Leases | None = None,
    totals: Totals | None = None,
    stopping: threading.Event | None = None,
    delete_failed_messages: bool = False,
    confirm_subscriptions: bool = False,
    topic: str = TOPIC,
    has_room: Callable[[], bool] = lambda: True,
    dispatcher: Dispatcher | None = None,
    authenticate: Authenticate | None = None,
    parking: Parking | None = None,
    breakers: OwnBreakers | None = None,
) -> Poller:
    """Make the poller of the bridge `b1`."""
    return Poller(
        queue=queue,
        reservations=ledger.reservations,
        has_room=has_room,
        leases=Leases() if leases is None else leases,  # an empty one is false
        dispatcher=dispatcher
        or Dispatcher(ledger.client, 60, seals=SEALS, bridge="b1", queue=queue.queue_name),
        confirmations=Confirmations(ledger.client, SEALS),
        acknowledgements=ledger.acknowledgements,
        seal=SEALS.seal,
        authenticate=authenticate or partial(envelopes.authenticate, topics=[topic]),
        parking=Parking(queue, visibility_seconds=30) if parking is None else parking,
        breakers=breakers or OwnBreakers(ledger.client, "b1"),
        totals=totals or Totals(),
        options=PollerOptions(
            bridge="b1",
            max_in_flight=100,
            reserve_seconds=30,
            delete_failed_messages=delete_failed_messages,
            confirm_subscriptions=confirm_subscriptions,
        ),
        stopping=stopping or threading.Event(),
    )
