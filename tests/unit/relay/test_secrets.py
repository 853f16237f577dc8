"""Secrets among the settings: never in `--help`, in a complaint or in a log."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.command_line import describe_settings
from bridge.config import BridgeConfig
from relay.config import RelayConfig
from runtime.env import Setting, SettingsError, describe, load
from tests.environment import NOWHERE
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
SETTINGS = {setting.name: setting for setting in (*describe(BridgeConfig), *describe(RelayConfig))}
MAY_HOLD_A_SECRET = re.compile("SECRET|PASSWORD|TOKEN|DSN|REDIS_URL|DATABASE_URL")
SECRET = "swordfish"


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_a_setting_that_may_hold_a_secret_is_declared_as_one(setting: Setting) -> None:
    assert setting.kind.is_secret == bool(MAY_HOLD_A_SECRET.search(setting.name))


def test_the_help_shows_that_a_secret_is_set_and_not_what_it_is() -> None:
    secrets = {name: SECRET for name, setting in SETTINGS.items() if setting.kind.is_secret}

    shown = describe_settings(secrets, 80)

    assert SECRET not in shown
    assert "REDIS_URL = …" in shown
    assert "SENTRY_DSN = …" in shown


@pytest.mark.parametrize("declaration", [BridgeConfig, RelayConfig])
def test_a_wrong_secret_is_complained_of_and_not_shown(
    declaration: type[BridgeConfig] | type[RelayConfig],
) -> None:
    wrong = dict.fromkeys(("REDIS_URL", "DATABASE_URL", "SENTRY_DSN"), f"ftp:{SECRET}")
    with pytest.raises(SettingsError) as caught:
        load(declaration, wrong)

    assert "settings.REDIS_URL has invalid value '…'" in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("REDIS_URL", f"redis://:{SECRET}/x@{NOWHERE}/0"),
        ("REDIS_URL", f"redis://:{SECRET}#x@{NOWHERE}/0"),
        ("REDIS_URL", f"redis://:x?{SECRET}@{NOWHERE}/0"),
        ("DATABASE_URL", f"postgresql://relay:{SECRET}/x@{NOWHERE}/relay"),
        ("DATABASE_URL", f"postgresql://relay:x?{SECRET}@{NOWHERE}/relay"),
        ("DATABASE_URL", f"postgresql://relay@127.0.0.1:{SECRET}/relay"),
        ("SENTRY_DSN", f"http://{NOWHERE}/{SECRET}"),
        ("SENTRY_DSN", f"http://{SECRET}@{NOWHERE}"),
        ("SENTRY_DSN", f"http://{SECRET}@127.0.0.1:x/1"),
    ],
)
def test_a_url_that_can_not_be_read_is_a_wrong_setting(name: str, url: str) -> None:
    """A password that was not percent-encoded ends up in the library's complaint."""
    with pytest.raises(SettingsError) as caught:
        load(RelayConfig, ENVIRON | {name: url})

    assert str(caught.value).startswith(f"settings.{name} has invalid value '…': ")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("DATABASE_URL", "postgresql://relay@one.example:5432,two.example:5433/relay"),
        ("DATABASE_URL", "postgresql://relay@%2Frun%2Fpostgresql/relay"),
        ("REDIS_URL", "rediss://relay:p%2Fw@redis.example:6380/0"),
    ],
)
def test_a_url_that_can_be_read_is_taken(name: str, url: str) -> None:
    assert getattr(load(RelayConfig, ENVIRON | {name: url}), name.lower()) == url


# Servers that are not there, and nothing a process says about them may hold how to get in.
ENVIRON = {
    "PATH": os.environ["PATH"],
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_ENDPOINT_URL": f"http://{NOWHERE}",
    "AWS_REGION": "us-east-1",
    "AWS_S3_EMAIL_BUCKET": "mails",
    "AWS_SNS_TOPIC": "arn:aws:sns:us-east-1:123456789012:mail",
    "AWS_SQS_EMAIL_QUEUE_URL": f"http://{NOWHERE}/123456789012/mail",
    "DATABASE_URL": f"postgresql://relay:{SECRET}@{NOWHERE}/relay",
    "LEDGER_SECRETS": f"{SECRET}-and-enough-of-it-for-a-ledger",
    "MASK_DOMAINS": "masks.example",
    "PROCESS_EMAIL_VERBOSITY": "4",
    "RELAY_FROM_ADDRESS": "relay@masks.example",
    "REDIS_URL": f"redis://relay:{SECRET}@{NOWHERE}/0",
    "REPLIES_ADDRESS": "replies@masks.example",
    "REPLY_SECRET": f"long enough {SECRET}",
    "REPLY_SECRET_FALLBACKS": SECRET,
    "SECRET_KEY": f"{SECRET}-and-more-of-it",
    "SENTRY_DSN": f"http://{SECRET}@{NOWHERE}/1",
    "SITE_ORIGIN": "https://relay.example",
}


def ends_by_itself(command: list[str], log: Path) -> None:
    with log.open("wb") as file:
        process = subprocess.run(
            command, env=ENVIRON, cwd=ROOT, stdout=file, stderr=file, check=False, timeout=60
        )
    assert process.returncode != 0


def waits_until_it_is_stopped(command: list[str], log: Path) -> None:
    with (
        log.open("wb") as file,
        subprocess.Popen(command, env=ENVIRON, cwd=ROOT, stdout=file, stderr=file) as process,
    ):
        try:
            wait_until("two attempts", lambda: log.read_text().count('"waiting"') >= 2)
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("command", "run"),
    [
        (["-m", "bridge"], waits_until_it_is_stopped),
        (["manage.py", "migrate"], ends_by_itself),
        (["manage.py", "add_user", "ann@owner.example"], ends_by_itself),
    ],
    ids=["bridge", "migrate", "add_user"],
)
def test_a_process_whose_servers_are_not_there_tells_no_secret(
    command: list[str], run: Callable[[list[str], Path], None], tmp_path: Path
) -> None:
    log = tmp_path / "log"

    run([sys.executable, *command], log)

    assert log.read_text() != ""
    assert SECRET not in log.read_text()
