"""AWS refuses everything for a while: no mail pays for it.

Before, 80 s of SES's AccessDenied put 400 of 400 mails into SQS's dead-letter queue.
"""

import pytest

from runtime.dependencies import Dependency
from tests.integration.faults.conftest import RECOVERY_SECONDS, Running
from tests.lab.credentials import CredentialsEndpoint
from tests.waiting import wait_until
from tools.aws.faults import Faults

THREADS = 4
_PROBES = 3

REFUSALS = [
    pytest.param("ses", 403, "AccessDeniedException", "", id="SES's policy"),
    pytest.param("ses", 403, "InvalidSignatureException", "Signature expired", id="the clock"),
    pytest.param("ses", 403, "UnrecognizedClientException", "", id="SES's key"),
    pytest.param("ses", 400, "AccountSuspendedException", "", id="the account"),
    pytest.param(
        "ses", 429, "TooManyRequestsException", "Daily message quota exceeded.", id="quota"
    ),
    pytest.param("s3", 403, "AccessDenied", "", id="the bucket's policy"),
    pytest.param("s3", 400, "KMS.DisabledException", "", id="the bucket's key"),
    pytest.param("s3", 400, "ExpiredToken", "", id="S3's credentials"),
]
OPERATIONS = {"ses": "ses.SendEmail", "s3": "s3.GetObject"}


@pytest.mark.parametrize(("service", "status", "code", "message"), REFUSALS)
def test_what_refuses_everything_costs_no_mail_anything(
    running: Running, service: str, status: int, code: str, message: str
) -> None:
    running.lab.refuse(service, status, code, message)
    running.lab.deliver(30)

    running.wait_for_open(Dependency(service))
    refused = running.lab.requests(OPERATIONS[service], "refused")
    assert refused <= 5 + 3 * THREADS, "it opens within five failures and what is under way"
    wait_until(
        "some probes",
        lambda: running.lab.requests(OPERATIONS[service], "refused") >= refused + _PROBES,
    )
    assert running.open_breakers() == [Dependency(service)]

    running.lab.suffer()
    running.recovered()
    running.wait_until_settled()
    assert running.books().cost == {}
    assert running.seconds_to_send_the_rest() < RECOVERY_SECONDS
    assert running.open_breakers() == []


def test_credentials_that_cant_be_had_cost_no_mail_anything(relay: Running) -> None:
    """EKS's agent or EC2's metadata service is down: each mail was in doubt, and nothing sent."""
    credentials = CredentialsEndpoint()
    credentials.is_down = True
    relay.start_bridge()
    relay.start_workers(**credentials.settings("workers"))
    relay.lab.deliver(12)
    relay.wait_for_open(Dependency.S3)

    credentials.is_down = False
    relay.recovered()

    relay.wait_until_settled()
    assert relay.books().cost == {}
    assert relay.seconds_to_send_the_rest() < RECOVERY_SECONDS
    assert relay.open_breakers() == []
    credentials.close()


def test_a_mail_that_becomes_visible_late_is_waited_for(running: Running) -> None:
    running.lab.aws.set_faults(Faults(invisible_seconds=4))
    running.lab.deliver(12)

    running.wait_until_settled()
    assert running.lab.requests("s3.GetObject") > 12 + 6, "some were asked for too early"
    assert running.books().cost == {}
