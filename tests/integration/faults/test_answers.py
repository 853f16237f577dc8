"""SES acts and its answer never arrives, or it doesn't act and never answers: one copy each.

Before, 504 after accepting doubled 29 of 300 mails, and silence left 24 of 330 to a person.
"""

import pytest

from runtime.dependencies import Dependency
from tests.integration.faults.conftest import RECOVERY_SECONDS, Running
from tests.lab.lab import Lab
from tests.lab.wires import NONE, Trouble
from tests.lab.wiring import Server
from tests.waiting import wait_until
from tools.aws.faults import Outage, Refusal, ServiceFaults

MAILS, THREADS = 12, 4
FEW = 4
"""Too few failures to open a breaker: when one has closed, doubts wait for events for 90 s more."""

UNANSWERED = [
    pytest.param(ServiceFaults(refused=Refusal(504, "", is_carried_out=True)), id="504"),
    pytest.param(ServiceFaults(refused=Refusal(502, "", is_carried_out=True)), id="502"),
    pytest.param(ServiceFaults(unconfirmed=1), id="500"),
    pytest.param(ServiceFaults(cut=1), id="cut"),
]


@pytest.mark.parametrize("faults", UNANSWERED)
def test_what_ses_accepts_without_saying_so_is_sent_once(
    running: Running, faults: ServiceFaults
) -> None:
    running.lab.suffer(ses=faults)
    running.lab.deliver(MAILS)
    wait_until("some are sent", lambda: len(running.lab.sent()) > 6)

    running.lab.suffer()
    running.wait_until_settled()
    assert running.books().cost == {}


def test_what_ses_accepts_over_a_wire_that_loses_its_answers_is_sent_once(running: Running) -> None:
    running.lab.wiring.suffer(Server.SES, Trouble(loses_answers=True))
    running.lab.deliver(MAILS)
    wait_until("some are sent", lambda: len(running.lab.sent()) > 6)

    running.lab.wiring.suffer(Server.SES, NONE)
    running.wait_until_settled()
    assert running.books().cost == {}


def test_what_ses_takes_and_never_answers_is_sent_when_no_event_proves_it(relay: Running) -> None:
    relay.start(AWS_SES_SEND_EVENT_WAIT_SECONDS="3")
    relay.warm_up()
    relay.age_redis()

    relay.lab.suffer(ses=ServiceFaults(outage=Outage.SILENT))
    relay.lab.deliver(FEW)
    wait_until("SES has them", lambda: relay.lab.requests("ses.SendEmail", "outage") == FEW)

    relay.lab.suffer()
    relay.wait_until_settled()
    assert relay.books().cost == {}


def test_a_nat_that_forgets_idle_connections_costs_no_mail_anything(relay: Running) -> None:
    relay.start(AWS_SES_SEND_EVENT_WAIT_SECONDS="3")
    relay.warm_up()
    relay.age_redis()

    relay.lab.wiring.suffer(Server.SES, Trouble(idle_seconds=0.5))
    for _ in range(3):
        relay.lab.deliver(FEW)
        relay.wait_until_settled()

    assert relay.books().cost == {}


def test_while_ses_fails_no_probe_leaves_a_mail_in_doubt(relay: Running) -> None:
    """Without Send events, each mail in doubt needs a person."""
    relay.start(AWS_SES_SEND_EVENTS="false")
    relay.warm_up()

    relay.lab.refuse("ses", 500, "InternalFailure")
    relay.lab.deliver(40)
    relay.wait_for_open(Dependency.SES)
    refused = relay.lab.requests("ses.SendEmail", "refused")
    wait_until(
        "many probes", lambda: relay.lab.requests("ses.SendEmail", "refused") >= refused + 8, 60
    )

    relay.lab.suffer()
    relay.recovered()
    wait_until("all others are sent", lambda: sent_or_in_doubt(relay.lab) == 46)
    assert in_doubt(relay.lab) <= 5 + THREADS, "what opened it, and what was under way"
    assert relay.seconds_to_send_the_rest() < RECOVERY_SECONDS


def in_doubt(lab: Lab) -> int:
    return list(lab.deliveries().values()).count("in_doubt")


def sent_or_in_doubt(lab: Lab) -> int:
    return len(lab.sent()) + in_doubt(lab)
