"""`manage.py check_relay_environment`: what becomes of each of Firefox Relay's variables."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.config import BridgeConfig
from emails.relay_import.environment import KNOWN, findings, parse_environment
from relay.config import RelayConfig
from runtime.env import SettingsError, describe, load, retired

SETTINGS = [*describe(RelayConfig), *describe(BridgeConfig)]
RETIRED = retired(RelayConfig)


def found(**environ: str) -> dict[str, str]:
    return {one.name: one.text for one in findings(environ, SETTINGS, RETIRED)}


def test_lines_are_read_as_env_and_files_have_them() -> None:
    text = "A=1\n# B=2\nexport C='x y'\nD=\nnonsense\nE=a=b\n"

    assert parse_environment(text) == {"A": "1", "C": "x y", "D": "", "E": "a=b"}


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("MAX_REPLIES_PER_DAY", "70", "the same here"),
        ("DJANGO_STATSD_HOST", "statsd.example", "understood, as STATSD_HOST"),
        ("ACCOUNT_PREMIUM_FEATURE_PAUSED_DAYS", "3", "understood, as ABUSE_PAUSE_DAYS"),
        ("PROCESS_EMAIL_MAX_SECONDS", "0", "the same here"),
        ("PROCESS_EMAIL_MAX_SECONDS_PER_MESSAGE", "120.5", "the same here"),
        ("PROCESS_EMAIL_MAX_SECONDS_PER_MESSAGE", "0.2", "'0.2' is refused. Allowed"),
        ("RELAY_FROM_ADDRESS", "Relay <relay@second.example>", "the same here"),
        ("MAX_FORWARDED_PER_DAY", "1000", "refused. "),
        ("MAX_FORWARDED_EMAIL_SIZE_PER_DAY", "1000", "refused. "),
        ("MAX_ADDRESS_CREATION_PER_DAY", "100", "refused. "),
        ("ALLOWED_ACCOUNTS", "vip@home.example", "refused. "),
        ("HARD_BOUNCE_ALLOWED_DAYS", "30", "has no effect. "),
        ("SOFT_BOUNCE_ALLOWED_DAYS", "1", "has no effect. "),
    ],
)
def test_what_becomes_of_a_variable(name: str, value: str, text: str) -> None:
    assert found(**{name: value})[name].startswith(text)


def test_refusals_name_what_to_set_here() -> None:
    assert "MASK_MAILS_PER_DAY" in found(MAX_FORWARDED_PER_DAY="9")["MAX_FORWARDED_PER_DAY"]
    one = "MAX_ADDRESS_CREATION_PER_DAY"
    assert "MAX_MASKS_PER_DAY" in found(**{one: "9"})[one]


def test_no_known_variable_is_ignored_in_silence() -> None:
    ours = {setting.name for setting in SETTINGS} | {setting.also for setting in SETTINGS}
    gone = {one.name for one in RETIRED}

    assert {one.name for one in KNOWN} <= ours | gone


def test_secrets_are_not_shown_and_others_are_listed() -> None:
    texts = found(SECRET_KEY="swordfish", DJANGO_NONSENSE="1", FXA_BASE="x")

    assert "swordfish" not in str(texts)
    assert texts["ignored"] == "DJANGO_NONSENSE, FXA_BASE"


def test_defaults_that_differ_are_told_and_equal_ones_are_not() -> None:
    texts = found()

    assert texts["PROCESS_EMAIL_VERBOSITY"] == "not set: 1 there, 2 here"
    assert "MAX_REPLIES_PER_DAY" not in texts


def test_a_process_takes_the_predecessors_values() -> None:
    theirs = {
        "PROCESS_EMAIL_MAX_SECONDS_PER_MESSAGE": "90.5",
        "RELAY_FROM_ADDRESS": "Relay <relay@masks.example>",
        "DJANGO_STATSD_PORT": "9125",
        "STATSD_ENABLED": "False",
    }

    config = load(RelayConfig, os.environ | theirs)

    assert config.max_seconds_per_message == 91
    assert config.from_address == "relay@masks.example"
    assert config.statsd_port == 9125
    assert not config.statsd_enabled


def test_our_own_name_counts_more_than_theirs() -> None:
    both = {"DJANGO_STATSD_PORT": "9125", "STATSD_PORT": "8000"}

    assert load(RelayConfig, os.environ | both).statsd_port == 8000


def test_a_process_refuses_a_limit_that_would_silently_be_gone() -> None:
    with pytest.raises(SettingsError, match="MASK_MAILS_PER_DAY"):
        load(RelayConfig, os.environ | {"MAX_FORWARDED_PER_DAY": "1000"})


def test_the_domains_must_be_ours() -> None:
    with pytest.raises(SettingsError, match=r"MOZMAIL_DOMAIN.*one of MASK_DOMAINS"):
        load(RelayConfig, os.environ | {"MOZMAIL_DOMAIN": "other.example"})


@pytest.mark.slow
def test_the_command_needs_no_settings_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "theirs.env"
    file.write_text("MAX_FORWARDED_PER_DAY=1000\n")
    done = subprocess.run(
        [sys.executable, "manage.py", "check_relay_environment", str(file)],
        cwd=Path(__file__).parents[4],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("MAX_FORWARDED_PER_DAY: refused.")
