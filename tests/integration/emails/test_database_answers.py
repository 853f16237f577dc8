"""PostgreSQL is connected and silent: each wait ends in time, and its connection with it."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction
from dramatiq.middleware import TimeLimitExceeded
from dramatiq.middleware.threading import raise_thread_exception

from emails.models import Delivery
from emails.store import claims
from emails.store.database import raises_not_finished
from emails.values.deliveries import Claim
from emails.values.errors import Unavailable
from runtime.dependencies import Dependency
from tests.lab.wires import NONE, Trouble, Wire
from tests.unit.emails.builders import instant

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(60)]

SILENT, ANSWERS_LOST = Trouble(is_silent=True), Trouble(loses_answers=True)
ANSWER_SECONDS, CONNECT_SECONDS = 1.0, 2


@pytest.fixture
def wire() -> Iterator[Wire]:
    """What lies between this test's connection and PostgreSQL."""
    settings = connection.settings_dict
    kept = dict(settings)
    connection.ensure_connection()
    server = connection.connection.info
    is_unix = server.host.startswith("/")
    own = Wire(Path(server.host) / f".s.PGSQL.{server.port}" if is_unix else server.port)
    connection.close()
    settings["HOST"], settings["PORT"] = "127.0.0.1", str(own.port)
    ours = {name: value for name, value in settings["OPTIONS"].items() if name != "host"}
    settings["OPTIONS"] = ours | {
        "answer_seconds": ANSWER_SECONDS,
        "connect_timeout": CONNECT_SECONDS,
    }
    yield own
    connection.close()
    settings.update(kept)
    own.close()


def claim() -> object:
    return claims.claim("sns-1", "received", "x7k2@masks.example", instant(), timedelta(minutes=1))


@raises_not_finished
def count_in_a_transaction() -> int:
    with transaction.atomic():
        return Delivery.objects.count()


@pytest.mark.parametrize("trouble", [SILENT, ANSWERS_LOST])
@pytest.mark.parametrize("act", [claim, count_in_a_transaction])
def test_a_server_that_never_answers_is_unavailable_after_the_limit(
    wire: Wire, trouble: Trouble, act: Callable[[], object]
) -> None:
    count_in_a_transaction()
    wire.suffer(trouble)
    began = time.monotonic()

    with pytest.raises(Unavailable) as caught:
        act()

    assert (caught.value.dependency, caught.value.code) == (Dependency.DATABASE, "no_answer")
    assert ANSWER_SECONDS <= time.monotonic() - began < 2 * ANSWER_SECONDS
    wire.suffer(NONE)
    assert count_in_a_transaction() in (0, 1)


def test_a_claim_whose_answer_was_lost_still_holds(wire: Wire) -> None:
    """As after a lost connection, the statement may have been carried out."""
    count_in_a_transaction()
    wire.suffer(ANSWERS_LOST)
    with pytest.raises(Unavailable):
        claim()
    wire.suffer(NONE)

    assert Delivery.objects.get().state == "claimed"
    assert not isinstance(claim(), Claim)


def test_an_answer_that_is_slow_and_in_time_is_waited_for(wire: Wire) -> None:
    count_in_a_transaction()
    wire.suffer(Trouble(delay_seconds=ANSWER_SECONDS / 4))

    assert isinstance(claim(), Claim)


def test_a_time_limit_interrupts_the_wait_and_the_late_answer_meets_nobody(wire: Wire) -> None:
    connection.settings_dict["OPTIONS"]["answer_seconds"] = 30.0
    count_in_a_transaction()
    first = connection.connection
    wire.suffer(SILENT)
    this_thread = threading.get_ident()
    limit = threading.Timer(0.5, raise_thread_exception, (this_thread, TimeLimitExceeded))
    limit.start()

    with pytest.raises(TimeLimitExceeded):
        claim()

    wire.suffer(NONE)
    assert first.closed
    assert Delivery.objects.count() in (0, 1)


def test_a_server_that_never_answers_a_greeting_is_given_up(wire: Wire) -> None:
    wire.suffer(SILENT)

    with pytest.raises(Unavailable):
        claim()
