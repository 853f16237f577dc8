"""The units: what holds for all of them, and what Dramatiq needs."""

from pathlib import Path

import pytest

from tests.unit.deploy.examples import ROOT, SYSTEMD, unit_of

UNITS = sorted(SYSTEMD.glob("*.service"))
LONG_RUNNING = [path for path in UNITS if "migrate" not in path.name]

HARDENING = {
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectKernelModules": "yes",
    "ProtectControlGroups": "yes",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
    "RestrictNamespaces": "yes",
    "RestrictSUIDSGID": "yes",
    "LockPersonality": "yes",
    "SystemCallArchitectures": "native",
}

every_unit = pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)


def one(path: Path, name: str) -> str:
    (value,) = unit_of(path)[name]
    return value


@every_unit
def test_a_process_can_do_nothing_that_it_need_not(path: Path) -> None:
    assert {name: one(path, name) for name in HARDENING} == HARDENING
    assert unit_of(path)["SystemCallFilter"] == ["@system-service", "~@privileged @resources"]
    assert one(path, "User") == "mail-relay"


@every_unit
def test_a_value_is_a_value_and_no_comment(path: Path) -> None:
    """systemd knows no comments behind a value: they would be part of it."""
    assert not [value for values in unit_of(path).values() for value in values if " #" in value]


@every_unit
def test_its_environment_files_have_examples(path: Path) -> None:
    for file in unit_of(path)["EnvironmentFile"]:
        assert (SYSTEMD / f"{Path(file).name}.example").exists()


@pytest.mark.parametrize("path", LONG_RUNNING, ids=lambda path: path.stem)
def test_what_ends_is_started_again_however_often(path: Path) -> None:
    assert one(path, "Restart") == "always"
    assert "\nStartLimitIntervalSec=0\n" in path.read_text()


@pytest.mark.parametrize("name", ["mail-relay-web", "mail-relay-worker@"])
def test_a_database_that_comes_late_is_waited_for(name: str) -> None:
    """What requires a unit that failed is given up with it, and nobody starts it again."""
    path = SYSTEMD / f"{name}.service"

    assert "Requires=" not in path.read_text()
    assert one(path, "ExecStartPre").endswith("/python manage.py migrate --check")
    assert one(SYSTEMD / "mail-relay-migrate.service", "Restart") == "on-failure"


def test_wrong_settings_are_not_tried_again_by_the_bridge() -> None:
    assert one(SYSTEMD / "mail-relay-bridge@.service", "RestartPreventExitStatus") == "2"


@pytest.mark.parametrize("path", LONG_RUNNING, ids=lambda path: path.stem)
def test_the_order_to_stop_goes_to_the_master_alone(path: Path) -> None:
    """Dramatiq's and gunicorn's pass it on; see `relay/worker/middleware/group_signals.py`."""
    assert one(path, "KillMode") == "mixed"


def test_there_may_be_several_bridges_and_workers_and_one_scheduler() -> None:
    templates = {path.name for path in UNITS if path.stem.endswith("@")}

    assert templates == {"mail-relay-bridge@.service", "mail-relay-worker@.service"}


def test_each_bridge_has_a_health_file_of_its_own() -> None:
    unit = unit_of(SYSTEMD / "mail-relay-bridge@.service")

    (folder,) = unit["RuntimeDirectory"]
    assert "%i" in folder
    assert unit["Environment"] == [f"PROCESS_EMAIL_HEALTHCHECK_PATH=/run/{folder}/health.json"]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_its_documentation_is_there(path: Path) -> None:
    for line in path.read_text().splitlines():
        if line.startswith("Documentation="):
            assert (ROOT / line.removeprefix("Documentation=file:///opt/mail-relay/")).exists()
