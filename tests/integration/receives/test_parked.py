"""What can't be judged now costs no message a receive: certificates away, settings wrong."""

import json
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from runtime.breakers import find_all_open
from runtime.dependencies import Dependency
from tests.integration.conftest import MAIL, MASK, Relay, logged, wait_for_log
from tests.sqs_gate import RECEIVE, SqsGate
from tests.waiting import wait_until
from tools.local.aws import REGION, TOPIC
from tools.local.processes import Process
from tools.local.ses import received_in_s3
from tools.local.signing import Signer, notification

NUMBER = 35
RECOVERY_SECONDS = 10
WRONG_TOPIC = f"{TOPIC}-of-staging"


@dataclass
class Certificates:
    """A folder of certificates of its own for the bridges, which may go away and come back."""

    folder: Path

    def take_away(self) -> None:
        self.folder.rename(self._elsewhere)

    def bring_back(self) -> None:
        self._elsewhere.rename(self.folder)

    @property
    def _elsewhere(self) -> Path:
        return self.folder.with_name("elsewhere")


@pytest.fixture
def certificates(relay: Relay, tmp_path: Path) -> Certificates:
    folder = tmp_path / "certificates"
    shutil.copytree(relay.aws.certificates, folder)
    relay.stack.environ["AWS_SNS_CERTIFICATE_DIR"] = str(folder)
    return Certificates(folder)


def start_bridge(relay: Relay, **settings: str) -> Process:
    """Start a bridge whose messages are visible again after four seconds, if nobody cares."""
    quickly: dict[str, str] = {
        "PROCESS_EMAIL_HEARTBEAT_SECONDS": "1",
        "PROCESS_EMAIL_VISIBILITY_SECONDS": "4",
    }
    bridge = relay.stack.start_bridge(**quickly | settings)
    wait_for_log(bridge, "cycle")
    return bridge


def wait_for_open(relay: Relay, dependency: Dependency, code: str) -> None:
    def opened() -> bool:
        found = [(one.dependency, one.code) for one in find_all_open(relay.redis)]
        return (dependency, code) in found

    wait_until(f"{dependency} opens", opened)


def wait_for_trickle(sqs: SqsGate, number: int = 3) -> None:
    """Wait for so many receives, which are five seconds apart while a breaker is open."""
    polls = sqs.calls[RECEIVE] + number
    wait_until("more polls", lambda: sqs.calls[RECEIVE] >= polls)


def test_while_certificates_cant_be_had_each_message_is_received_once(
    relay: Relay, sqs: SqsGate, certificates: Certificates
) -> None:
    """60 of 60 were received ten times, and then in SQS's dead-letter queue."""
    bridge = start_bridge(relay)
    relay.stack.start_workers()
    certificates.take_away()
    for _ in range(NUMBER):
        relay.deliver()
    wait_for_open(relay, Dependency.CERTIFICATES, "no_folder")
    wait_for_trickle(sqs)

    certificates.bring_back()

    relay.wait_for_sent(NUMBER, seconds=RECOVERY_SECONDS)
    relay.wait_for_empty_queue()
    assert set(sqs.receives.values()) == {1}
    assert relay.aws.count(relay.aws.dead_letter_queue_url) == 0
    wait_for_log(bridge, "breaker closed", breaker="certificates")
    assert find_all_open(relay.redis) == []


def test_a_bridge_that_stops_releases_what_it_has_parked(
    relay: Relay, sqs: SqsGate, certificates: Certificates
) -> None:
    bridge = start_bridge(relay, PROCESS_EMAIL_VISIBILITY_SECONDS="600")
    relay.stack.start_workers()
    certificates.take_away()
    for _ in range(NUMBER):
        relay.deliver()
    wait_for_open(relay, Dependency.CERTIFICATES, "no_folder")

    bridge.send(signal.SIGTERM)
    bridge.wait(15)
    assert find_all_open(relay.redis) == []
    certificates.bring_back()
    start_bridge(relay)

    relay.wait_for_sent(NUMBER, seconds=RECOVERY_SECONDS)
    assert max(sqs.receives.values()) == 2


def test_a_wrong_topic_in_the_settings_costs_no_message_anything(
    relay: Relay, sqs: SqsGate
) -> None:
    # Longer than it takes to tell that all messages fail.
    bridge = start_bridge(relay, AWS_SNS_TOPIC=WRONG_TOPIC, PROCESS_EMAIL_VISIBILITY_SECONDS="20")
    relay.stack.start_workers()
    for _ in range(NUMBER):
        relay.deliver()
    wait_for_open(relay, Dependency.CONFIGURATION, "AWS_SNS_TOPIC")
    wait_for_trickle(sqs, 5)
    assert set(sqs.receives.values()) == {1}

    bridge.send(signal.SIGTERM)
    bridge.wait(15)
    start_bridge(relay, PROCESS_EMAIL_VISIBILITY_SECONDS="20")

    relay.wait_for_sent(NUMBER, seconds=RECOVERY_SECONDS)
    relay.wait_for_empty_queue()
    assert max(sqs.receives.values()) == 2
    assert relay.aws.count(relay.aws.dead_letter_queue_url) == 0
    assert find_all_open(relay.redis) == []


def test_forged_messages_that_name_certificates_that_dont_exist_stop_nothing(
    relay: Relay, sqs: SqsGate
) -> None:
    relay.aws.s3.put_object(Bucket="mails", Key="k", Body=MAIL)
    told = json.dumps(received_in_s3(MAIL, [MASK], bucket="mails", key="k"))
    forger = Signer.generate(REGION)
    for _ in range(NUMBER):
        relay.aws.put(json.dumps(forger.sign(notification(TOPIC, told))))
        relay.deliver()
    bridge = start_bridge(relay)
    relay.stack.start_workers()

    relay.wait_for_sent(NUMBER)

    assert logged(bridge, "breaker opened") == []
