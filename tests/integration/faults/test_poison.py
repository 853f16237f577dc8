"""Mails that kill each worker they meet, at default settings (P3): they are taken out, and those
beside them are sent once.

At defaults a claim lasts for 135 seconds, and Dramatiq gives a dead worker's message to the next
one after 15. Tests with shorter limits did not show that the attempts in between reset the count of
deaths: one mail killed fifteen workers in fifty minutes. And 5 % of such mails doubled 22 of 187
others, and delayed one by 195 s.
"""

from collections.abc import Iterator
from functools import partial

import pytest

from tests.chaos.supervisor import BRIDGES, WORKERS, Supervisor
from tests.integration.faults.conftest import Running
from tests.lab.lab import Lab, failures_by_sqs_id
from tests.lab.wiring import Server
from tests.waiting import wait_until
from tools.aws.faults import Faults, ServiceFaults
from tools.local.stack import ROOT

INNOCENT, POISON = 38, 2
MAX_DELIVERIES = 3
OUT_SECONDS = 150
"""Three deaths of some 25 seconds; each would cost 135 if the dead worker's claim had to expire."""


@pytest.fixture
def supervisor(lab: Lab) -> Iterator[Supervisor]:
    """Two bridges and three workers, restarted when they die."""
    lab.aws.set_faults(Faults(s3=ServiceFaults(latency_ms=30), ses=ServiceFaults(latency_ms=80)))
    supervisor = Supervisor(lab.stack, lab.wiring, str(ROOT))
    yield supervisor
    supervisor.stop()


def deliver_poison(lab: Lab, supervisor: Supervisor) -> str:
    name, pattern = lab.deliver_poison()
    for process in WORKERS:
        for wire in lab.wiring.to(Server.S3, process):
            wire.watch_for(pattern, partial(supervisor.kill_worker, process))
    return name


@pytest.mark.timeout(300)
def test_a_mail_that_kills_its_workers_is_dead_lettered_at_default_settings(
    relay: Running, supervisor: Supervisor
) -> None:
    lab, bridges = relay.lab, supervisor.logs(BRIDGES)
    lab.deliver(12)
    wait_until("a relay that works", lambda: lab.left() == 0, seconds=60)
    relay.age_redis()

    poison = set()
    for _ in range(POISON):
        lab.deliver(INNOCENT // POISON)
        poison.add(deliver_poison(lab, supervisor))
    wait_until("it is out", lambda: len(failures_by_sqs_id(bridges)) == POISON, OUT_SECONDS)
    wait_until("all others are done", lambda: lab.left() == POISON, seconds=90)

    accounts = lab.books(bridges).accounts
    dead = {one.name: one.failures for one in accounts if one.failures}
    assert dead == {name: ["too_many_deliveries"] for name in poison}
    assert supervisor.restarts <= POISON * MAX_DELIVERIES
    assert {len(one.sendings) for one in accounts if one.name not in poison} == {1}
    assert sum(one.burnt for one in accounts) == 0
