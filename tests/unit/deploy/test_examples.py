"""What the deployment examples say is what the code knows: settings, commands, time limits."""

import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, get_commands, load_command_class
from gunicorn.config import Config

from bridge import service
from bridge.command_line import read_arguments
from bridge.config import BridgeConfig
from relay import placeholder_settings
from relay.config import RelayConfig
from runtime.env import describe, load
from tests.unit.deploy.examples import EXAMPLES, ROOT, Example

OF_LIBRARIES = {
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"),
    "DJANGO_SETTINGS_MODULE",
}
KNOWN = {
    BridgeConfig: {setting.name for setting in describe(BridgeConfig)},
    RelayConfig: {setting.name for setting in describe(RelayConfig)},
}
SECRETS_TO_MAKE_UP = {"LEDGER_SECRETS", "SECRET_KEY"}
"""Left empty, or to the caller's environment: everybody must make up their own."""
WATCHDOG_SECONDS = 5

every_example = pytest.mark.parametrize("example", EXAMPLES, ids=str)


def declaration(example: Example) -> type[BridgeConfig] | type[RelayConfig]:
    return BridgeConfig if example.name == "bridge" else RelayConfig


def configuration(example: Example, folder: Path) -> Any:
    """Load the example's settings, as its process would on a machine that has its folders."""
    settings = dict(example.settings)
    if "AWS_SNS_CERTIFICATE_DIR" in settings:
        settings["AWS_SNS_CERTIFICATE_DIR"] = str(folder)
    if "PROCESS_EMAIL_HEALTHCHECK_PATH" in settings:
        settings["PROCESS_EMAIL_HEALTHCHECK_PATH"] = str(folder / "health.json")
    if settings.get("DJANGO_SETTINGS_MODULE") == "relay.scheduler_settings":
        placeholder_settings.fill_in(settings)
    for name in SECRETS_TO_MAKE_UP & settings.keys():
        if not settings[name] or settings[name].startswith("${"):
            settings[name] = f"made up and long enough to be a secret: {name}".replace(" ", "-")
    return load(declaration(example), settings)


def test_each_way_of_deploying_runs_all_four_processes_and_the_migrations() -> None:
    for place in ("compose", "systemd", "kubernetes"):
        names = {example.name for example in EXAMPLES if example.place == place}
        assert names >= {"bridge", "worker", "scheduler", "web", "migrate"}, place


@every_example
def test_every_setting_is_one_that_its_process_reads(example: Example) -> None:
    unread = set(example.settings) - KNOWN[declaration(example)] - OF_LIBRARIES

    # What is meant for all processes alike may be read by the others only.
    assert unread <= KNOWN[BridgeConfig] & KNOWN[RelayConfig]


@every_example
def test_its_process_accepts_its_settings(example: Example, tmp_path: Path) -> None:
    assert configuration(example, tmp_path)


NEEDS = {
    "bridge": {"LEDGER_SECRETS", "REDIS_URL"},
    "scheduler": {"REDIS_URL"},
    "worker": {"DATABASE_URL", "LEDGER_SECRETS", "REDIS_URL", "SECRET_KEY"},
    "web": {"DATABASE_URL", "LEDGER_SECRETS", "REDIS_URL", "SECRET_KEY"},
    "migrate": {"DATABASE_URL", "SECRET_KEY"},
}
"""The secrets without which a process can't do its work."""

MAY_KNOW = {"SENTRY_DSN", "RELAY_SOURCE_DATABASE_URL"}


@every_example
def test_a_process_is_told_no_secret_that_it_does_not_need(example: Example) -> None:
    name = example.name.removesuffix("-migrate")
    declared = {*describe(BridgeConfig), *describe(RelayConfig)}
    told = {one.name for one in declared if one.kind.is_secret} & example.settings.keys()
    if "SECRET_KEY" in NEEDS.get(name.split("-")[0], set()):
        told -= {"REPLY_SECRET", "REPLY_SECRET_FALLBACKS", "SECRET_KEY_FALLBACKS"}
    # On one machine all share one file of settings, of which the migrations use less.
    if example.place == "systemd" and name == "migrate":
        return
    if example.place == "compose":
        told -= {"REDIS_URL"} - NEEDS.get(name, set())

    assert told - MAY_KNOW == NEEDS[name.split("-")[0]]


def test_compose_makes_up_no_secret_key() -> None:
    assert "SECRET_KEY: &key ${SECRET_KEY:?" in (ROOT / "docker-compose.yml").read_text()


def check_command(command: list[str]) -> None:
    """Fail unless the program is there and takes these arguments."""
    match command:
        case ["python", "-m", "bridge", *arguments]:
            read_arguments(arguments, {})
        case ["python", "manage.py", name, *arguments]:
            parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
            parser.parse_args(arguments)
        case ["periodiq", *modules]:
            assert (Path(sys.executable).parent / "periodiq").exists()
            assert all(importlib.util.find_spec(module) for module in modules)
        case ["gunicorn", application, *arguments]:
            assert importlib.util.find_spec(application)
            Config().parser().parse_args(arguments)
        case ["python", "-c", script]:
            compile(script, "probe", "exec")
        case _:
            pytest.fail(f"nobody knows {command}")


@every_example
def test_its_command_exists_and_takes_its_arguments(example: Example) -> None:
    check_command(example.command)


@every_example
def test_its_probes_exist_and_take_their_arguments(example: Example) -> None:
    for probe in example.probes:
        check_command(probe)


@pytest.mark.parametrize(
    "command",
    [
        ["python", "manage.py", "no_such_command"],
        ["python", "manage.py", "migrate", "--no-such-option"],
        ["python", "-m", "bridge", "--no-such-option"],
        ["gunicorn", "relay.wsgi", "--no-such-option"],
        ["periodiq", "no_such_module"],
        ["celery", "worker"],
    ],
    ids=" ".join,
)
def test_a_command_that_does_not_exist_is_noticed(command: list[str]) -> None:
    with pytest.raises((KeyError, AssertionError, SystemExit, CommandError, pytest.fail.Exception)):
        check_command(command)


@pytest.mark.parametrize(
    "example", [one for one in EXAMPLES if one.name == "worker"], ids=lambda one: one.place
)
def test_a_stopping_worker_has_the_time_to_finish_what_it_runs(
    example: Example, tmp_path: Path
) -> None:
    limit = configuration(example, tmp_path).max_seconds_per_message

    assert example.stop_seconds is not None
    assert example.stop_seconds >= limit + WATCHDOG_SECONDS


@pytest.mark.parametrize(
    "example", [one for one in EXAMPLES if one.name == "bridge"], ids=lambda one: one.place
)
def test_a_stopping_bridge_has_the_time_for_its_grace_and_its_last_calls(
    example: Example, tmp_path: Path
) -> None:
    config = configuration(example, tmp_path)
    last_calls = 3 * service._LAST_CALL_SECONDS

    assert example.stop_seconds is not None
    assert example.stop_seconds >= config.wait_seconds + config.grace_seconds + last_calls


@pytest.mark.parametrize(
    ("command", "option"),
    [("manage.py rundramatiq", "--skip-logging"), ("gunicorn relay.wsgi", "--no-control-socket")],
)
def test_what_the_pages_say_to_start_is_started_as_the_examples_start_it(
    command: str, option: str
) -> None:
    """Without these, lines are no JSON, and a socket is left in the home of whoever starts it."""
    pages = [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("deploy/**/*.md")]
    told = [
        line
        for page in pages
        for line in re.findall(r"`([^`\n]+)`", page.read_text())
        if command in line
    ]

    assert told
    assert [line for line in told if option not in line] == []


@pytest.mark.parametrize(
    "example", [one for one in EXAMPLES if one.name == "bridge"], ids=lambda one: one.place
)
def test_a_bridge_keeps_a_health_file(example: Example) -> None:
    assert example.settings["PROCESS_EMAIL_HEALTHCHECK_PATH"].endswith("/health.json")


@pytest.mark.parametrize(
    "example", [one for one in EXAMPLES if one.name == "worker"], ids=lambda one: one.place
)
def test_no_worker_lets_its_master_log_twice(example: Example) -> None:
    """Dramatiq's own lines would stand beside ours: no JSON, and with messages' arguments."""
    assert "--skip-logging" in example.command
