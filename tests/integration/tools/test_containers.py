"""docker-compose.yml: how its services are run, and that its stand-in for AWS works.

What it has in common with the other ways to deploy is tested in tests/unit/deploy.
"""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from bridge.config import BridgeConfig
from relay import placeholder_settings
from relay.config import RelayConfig
from runtime.env import load
from tests.integration.tools.conftest import StartProgram
from tests.waiting import wait_until
from tools.local import aws
from tools.local.processes import free_port

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
DJANGO = ("web", "worker", "scheduler", "migrate")
LONG_RUNNING = sorted(set(SERVICES) - {"migrate", "redis-certificate"})


def environment(service: str) -> Mapping[str, str]:
    given: Mapping[str, str] = SERVICES[service]["environment"]
    # What everybody must make up comes from a file `.env`.
    return {name: re.sub(r"\$\{.*?\}", "made-up-" * 5, value) for name, value in given.items()}


@pytest.mark.parametrize("service", DJANGO)
def test_the_django_processes_accept_their_settings(service: str) -> None:
    settings = dict(environment(service))
    if settings.get("DJANGO_SETTINGS_MODULE") == "relay.scheduler_settings":
        placeholder_settings.fill_in(settings)
    folder = {"AWS_SNS_CERTIFICATE_DIR": "/tmp"}  # /data is in its container only

    config = load(RelayConfig, {**settings, **folder})

    assert config.bucket == aws.BUCKET
    assert config.mask_domains == (aws.MASK_DOMAIN,)


def test_the_bridge_accepts_its_settings(tmp_path: Path) -> None:
    # /data is in its container only.
    config = load(BridgeConfig, {**environment("bridge"), "AWS_SNS_CERTIFICATE_DIR": str(tmp_path)})

    assert list(config.topics) == [aws.TOPIC]


def test_the_bridge_has_no_secret_of_the_others() -> None:
    assert not {"DATABASE_URL", "SECRET_KEY"} & set(environment("bridge"))


@pytest.mark.parametrize("service", LONG_RUNNING)
def test_what_runs_for_long_is_started_again_when_it_ends(service: str) -> None:
    assert SERVICES[service]["restart"] == "unless-stopped"
    assert "healthcheck" in SERVICES[service]


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_what_a_service_waits_for_can_be_waited_for(service: str) -> None:
    for name, wanted in SERVICES[service].get("depends_on", {}).items():
        if wanted["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[name]
        else:
            assert SERVICES[name].get("restart", "no") == "no", f"{name} never completes"


def test_redis_throws_nothing_away_and_keeps_dead_letters_over_a_restart() -> None:
    command = " ".join(SERVICES["redis"]["command"])

    assert "--maxmemory-policy noeviction" in command
    assert "--appendonly yes" in command
    assert "redis:/data" in SERVICES["redis"]["volumes"]


def test_no_user_of_redis_has_a_password_that_everybody_knows(tmp_path: Path) -> None:
    *_, script = SERVICES["redis"]["command"]
    script = script.partition("exec ")[0].replace("$$", "$")
    script = script.replace("/tmp/", f"{tmp_path}/").replace(
        " /users.acl", f" {ROOT / 'deploy/redis/users.acl'}"
    )
    passwords = {name: f"secret{name}" for name in SERVICES["redis"]["environment"]}

    subprocess.run(["sh", "-ec", script], env=os.environ | passwords, check=True)

    users = (tmp_path / "users.acl").read_text()
    assert sorted(re.findall(r"^user (\w+) on >(\w+)", users, re.MULTILINE)) == sorted(
        (name.split("_")[1].lower(), password) for name, password in passwords.items()
    )


def test_redis_does_not_run_as_root() -> None:
    """Its image changes the user only if its command is `redis-server` itself."""
    assert SERVICES["redis"]["user"] == "redis"


def test_postgres_is_not_healthy_while_its_database_is_still_being_made() -> None:
    """Its image makes it with a server that is reached by the socket only, and stopped then."""
    probe = SERVICES["postgres"]["healthcheck"]["test"]

    assert probe[1] == "pg_isready"
    assert probe[2:4] == ["--host", "127.0.0.1"]


@pytest.mark.parametrize("service", [*DJANGO, "bridge"])
def test_a_process_can_write_nowhere_but_to_tmp_and_has_no_rights_of_root(service: str) -> None:
    settings = SERVICES[service]

    assert settings["read_only"] is True
    assert settings["tmpfs"] == ["/tmp"]
    assert settings["cap_drop"] == ["ALL"]
    assert settings["security_opt"] == ["no-new-privileges:true"]


def test_the_image_does_not_run_as_root() -> None:
    stages = (ROOT / "Dockerfile").read_text().split("\nFROM ")
    run = [stage for stage in stages if "\nCMD " in stage]

    assert len(run) == 2
    assert all("\nUSER 10001\n" in stage for stage in run)


def test_the_stand_in_for_aws_takes_mails_by_itself(start: StartProgram, own_folder: Path) -> None:
    port = free_port()
    data = own_folder / "data"
    container = start("-m", "tools.local.container", str(data), "--port", str(port))
    container.wait_until_it_prints("ready")
    queue_url = f"http://127.0.0.1:{port}/123456789012/mail"
    sqs = boto3.Session("test", "test", region_name=aws.REGION).client(
        "sqs", endpoint_url=f"http://127.0.0.1:{port}"
    )

    mail = data / "in" / "mail.eml"
    mail.write_bytes(b"From: ann@sender.example\r\nTo: shop@masks.example\r\n\r\nHello\r\n")
    os.utime(mail, (0, 0))

    wait_until("a message", lambda: sqs.receive_message(QueueUrl=queue_url).get("Messages"))
    assert len(list((data / "certificates").glob("*.pem"))) == 1
    container.process.terminate()
    assert container.process.wait(20) == 0
    assert container.has_left() == []
