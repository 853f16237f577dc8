"""`python -m bridge` where something is wrong: one clear line, or a patient wait."""

import json
import signal
import socket
import subprocess
import sys

import pytest

from tests.integration.conftest import Relay, logged, wait_for_log
from tests.lab.credentials import CredentialsEndpoint, credentials_at
from tests.waiting import wait_until
from tools.local.processes import Process


def the_end(process: Process) -> tuple[int, list[str]]:
    code = process.wait(20)
    return code, process.log.read_text().splitlines()


def test_wrong_settings_are_told_in_a_line_each(relay: Relay) -> None:
    code, lines = the_end(relay.stack.start_bridge(PROCESS_EMAIL_BATCH_SIZE="11", AWS_SNS_TOPIC=""))

    assert code == 2
    assert len(lines) == 2
    assert "settings.PROCESS_EMAIL_BATCH_SIZE has invalid value '11': " in "\n".join(lines)


@pytest.mark.parametrize(
    ("what", "settings", "code_of_aws"),
    [
        (
            "an unknown queue",
            {"AWS_SQS_EMAIL_QUEUE_URL": "http://127.0.0.1:1/123456789012/none"},
            "AWS.SimpleQueueService.NonExistentQueue",
        ),
        (
            "no credentials",
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": "/nowhere"},
            "NoCredentialsError",
        ),
    ],
)
def test_what_waiting_does_not_mend_ends_the_bridge_with_one_line(
    relay: Relay, what: str, settings: dict[str, str], code_of_aws: str
) -> None:
    settings = {"AWS_EC2_METADATA_DISABLED": "true"} | settings

    code, lines = the_end(relay.stack.start_bridge(**settings))

    assert code == 1, what
    (critical,) = [line for line in map(json.loads, lines) if line["level"] == "critical"]
    assert critical["client_error_code"] == code_of_aws
    assert "Traceback" not in "\n".join(lines)


@pytest.mark.parametrize(
    ("waiting_for", "settings"),
    [
        ("redis", {"REDIS_URL": "redis://127.0.0.1:1/0"}),
        ("sqs", {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}),
    ],
)
def test_what_is_not_there_yet_is_waited_for(
    relay: Relay, waiting_for: str, settings: dict[str, str]
) -> None:
    bridge = relay.stack.start_bridge(**settings)

    wait_until(
        "several attempts",
        lambda: len(logged(bridge, "waiting", waiting_for=waiting_for)) >= 3,
    )

    bridge.send(signal.SIGTERM)
    assert bridge.wait(10) == 0


def test_credentials_that_cant_be_had_yet_are_waited_for(relay: Relay) -> None:
    credentials = CredentialsEndpoint()
    credentials.is_down = True
    relay.deliver()
    bridge = relay.stack.start_bridge(**credentials.settings("bridge"))
    wait_until("several attempts", lambda: len(logged(bridge, "waiting", waiting_for="sqs")) >= 2)
    (line, *_) = logged(bridge, "waiting", waiting_for="sqs")
    assert line["client_error_code"] == "CredentialRetrievalError"

    credentials.is_down = False

    wait_for_log(bridge, "cycle", enqueued=1)
    credentials.close()


def test_who_waits_for_credentials_stops_at_once(relay: Relay) -> None:
    """botocore asks an endpoint that doesn't answer three times, for ten seconds."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        bridge = relay.stack.start_bridge(**credentials_at(mute.getsockname()[1], "bridge"))
        mute.settimeout(20)
        asking, _ = mute.accept()

        bridge.send(signal.SIGTERM)

        assert bridge.wait(8) == 0
        asking.close()


def test_drain_leaves_when_the_queue_is_empty_and_all_is_acknowledged(relay: Relay) -> None:
    for _ in range(12):
        relay.deliver()
    relay.stack.start_workers()

    bridge = relay.stack.start_bridge("--drain")

    assert bridge.wait(60) == 0
    assert relay.queued() == 0
    assert len(relay.aws.sent()) == 12
    (line,) = logged(bridge, "bridge stopped")
    assert (line["exit_on"], line["deleted"], line["left_in_flight"]) == ("drained", 12, 0)


def test_max_seconds_ends_it_and_says_so(relay: Relay) -> None:
    bridge = relay.stack.start_bridge("--max-seconds", "2")

    assert bridge.wait(20) == 0
    assert logged(bridge, "bridge stopped")[0]["exit_on"] == "max_seconds"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order_and_tells_what_it_left_behind(
    relay: Relay, number: signal.Signals
) -> None:
    relay.deliver()
    bridge = relay.stack.start_bridge(PROCESS_EMAIL_GRACE_SECONDS="1")
    wait_for_log(bridge, "cycle", enqueued=1)

    bridge.send(number)

    assert bridge.wait(20) == 0
    (line,) = logged(bridge, "bridge stopped")
    assert (line["exit_on"], line["left_in_flight"]) == ("interrupt", 1)


def test_a_second_signal_forces_it(relay: Relay) -> None:
    relay.deliver()
    bridge = relay.stack.start_bridge(PROCESS_EMAIL_GRACE_SECONDS="600")
    wait_for_log(bridge, "cycle", enqueued=1)

    bridge.send(signal.SIGTERM)
    wait_for_log(bridge, "bridge stopping")
    bridge.send(signal.SIGTERM)

    assert bridge.wait(60) == 1, "long before its grace is over"


def test_the_probe_tells_by_its_exit_code_whether_the_bridge_is_healthy(relay: Relay) -> None:
    probe = relay.stack.start_bridge("--check-health")
    assert probe.wait(10) == 1, "there is no health file yet"

    bridge = relay.stack.start_bridge()
    wait_for_log(bridge, "cycle")
    assert relay.stack.start_bridge("--check-health").wait(10) == 0
    assert json.loads(relay.stack.health_path.read_text())["cycles"] >= 1


def test_the_bridge_imports_neither_django_nor_a_database_driver(relay: Relay) -> None:
    script = "import sys, bridge.__main__; print(sorted(sys.modules))"
    modules = subprocess.run(
        [sys.executable, "-c", script],
        env=relay.stack.environ,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert "'bridge.service'" in modules
    for name in ("'django'", "'psycopg'", "'emails.models'"):
        assert name not in modules
