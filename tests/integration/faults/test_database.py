"""PostgreSQL is away, read-only or locked while mails are being sent.

Before, mails that were sent and could not be recorded were sent again, and one locked row stopped
all masks.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psycopg
import pytest

from runtime.dependencies import Dependency
from tests.integration.faults.conftest import RECOVERY_SECONDS, Running
from tests.lab.lab import MASKS, Lab
from tests.lab.wires import NONE, Trouble
from tests.lab.wiring import Server
from tests.waiting import wait_until
from tools.aws.faults import ServiceFaults

MAILS, THREADS = 30, 4
_SLOW_SES = ServiceFaults(latency_ms=300)
"""Slow enough for a fault to begin between SES's acceptance and its record."""


@pytest.fixture
def settings() -> dict[str, str]:
    """Doubts are settled soon."""
    return {"AWS_SES_SEND_EVENT_WAIT_SECONDS": "3"}


@contextmanager
def stopped(lab: Lab) -> Iterator[None]:
    """PostgreSQL is shut down."""
    lab.postgres.stop()
    yield
    lab.postgres.start()


@contextmanager
def read_only(lab: Lab) -> Iterator[None]:
    """PostgreSQL refuses to write, like a replica after a failover."""
    lab.execute("ALTER SYSTEM SET default_transaction_read_only = on")
    lab.execute("SELECT pg_reload_conf()")
    yield
    lab.execute("ALTER SYSTEM RESET default_transaction_read_only")
    lab.execute("SELECT pg_reload_conf()")


@contextmanager
def cut_off(lab: Lab) -> Iterator[None]:
    """A firewall between workers and PostgreSQL resets everything."""
    lab.wiring.suffer(Server.POSTGRES, Trouble(is_refused=True))
    lab.wiring.cut(Server.POSTGRES)
    yield
    lab.wiring.suffer(Server.POSTGRES, NONE)


@contextmanager
def silent(lab: Lab) -> Iterator[None]:
    """PostgreSQL hangs: connections are accepted and kept, and nothing is answered."""
    lab.wiring.suffer(Server.POSTGRES, Trouble(is_silent=True))
    yield
    lab.wiring.suffer(Server.POSTGRES, NONE)


@contextmanager
def answers_lost(lab: Lab) -> Iterator[None]:
    """PostgreSQL carries everything out, and no answer arrives."""
    lab.wiring.suffer(Server.POSTGRES, Trouble(loses_answers=True))
    yield
    lab.wiring.suffer(Server.POSTGRES, NONE)


@pytest.mark.parametrize("broken", [stopped, read_only, cut_off, silent, answers_lost])
def test_a_database_that_fails_while_mails_are_sent_costs_none_of_them_anything(
    running: Running, broken: Callable[[Lab], AbstractContextManager[None]]
) -> None:
    lab = running.lab
    running.age_redis()
    lab.suffer(ses=_SLOW_SES)

    lab.deliver(MAILS)
    wait_until("mails are on their way", lambda: len(lab.sent()) >= 6 + 4)
    with broken(lab):
        running.wait_for_open(Dependency.DATABASE)
        running.wait_for_workers_log("not settled", reason="database_unavailable")

    running.recovered()
    # A claim whose confirmation was lost lasts its time, and looks like a dead worker's: its mail
    # waits for an event, which it may do until 90 s after the recovery. At most one per thread.
    running.wait_until_settled(150)
    assert running.books().cost == {}
    assert running.seconds_to_send_the_rest(but=THREADS) < RECOVERY_SECONDS
    assert running.open_breakers() == []


def test_a_locked_row_delays_the_mails_of_its_mask_only(running: Running) -> None:
    lab = running.lab
    locked, others = MASKS[0], MASKS[1:]

    with psycopg.connect(lab.database_url) as operator:
        address = locked.split("@")[0]
        operator.execute("SELECT * FROM emails_randommask WHERE local = %s FOR UPDATE", [address])
        waiting = lab.deliver(6, (locked,))
        passing = lab.deliver(MAILS, others)

        wait_until("the others are sent", lambda: lab.sent().keys() >= set(passing), seconds=20)
        wait_until("the others are recorded", lambda: recorded(lab) >= set(passing))
        assert not recorded(lab) & set(waiting)
        operator.rollback()

    running.wait_until_settled()
    assert running.books().cost == {}
    assert running.open_breakers() == []


def recorded(lab: Lab) -> set[str]:
    found = lab.execute("SELECT sns_message_id FROM emails_delivery WHERE state = 'finished'")
    return {str(row[0]) for row in found}
