"""`migrate` and `check` refuse Firefox Relay's own database, and change nothing there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.local import processes
from tools.local.firefox_relay import FirefoxRelay

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.slow


def manage(database_url: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    return processes.run(command, os.environ | {"DATABASE_URL": database_url})


def tables(website: FirefoxRelay) -> list[tuple[str]]:
    sql = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
    return website.run(sql) + website.run("SELECT tablename FROM pg_tables ORDER BY 1")


@pytest.mark.parametrize("command", [("migrate",), ("migrate", "--skip-checks"), ("check",)])
def test_the_predecessors_database_is_refused(
    command: tuple[str, ...], website: FirefoxRelay, source_url: str
) -> None:
    before = tables(website)

    done = manage(source_url, *command)

    assert done.returncode == 1
    assert "DATABASE_URL is Firefox Relay's own database" in done.stderr
    assert "RELAY_SOURCE_DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr
    assert tables(website) == before


def test_an_empty_database_is_migrated_and_then_checked(source_url: str) -> None:
    for command in ("migrate", "check"):
        done = manage(source_url, command)
        assert done.returncode == 0, done.stderr


def test_a_check_needs_no_database() -> None:
    assert manage("postgresql://nobody@127.0.0.1:1/none", "check").returncode == 0
