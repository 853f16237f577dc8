"""Processes start on a Python that is supported, and on no other."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from runtime.interpreter import NEXT, OLDEST, problem_with

_ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("version", "is_supported"),
    [
        ((3, 10, 13), False),
        ((3, 11, 0), False),
        ((3, 11, 1), False),
        ((3, 11, 2), True),
        ((3, 11, 7), True),
        ((3, 13, 0), True),
        ((3, 14, 9), True),
        ((3, 15, 0), False),
        ((4, 0, 0), False),
        (sys.version_info[:3], True),
    ],
)
def test_a_version_is_supported_or_not(version: tuple[int, ...], is_supported: bool) -> None:
    problem = problem_with(version)

    assert (problem is None) == is_supported
    assert problem is None or "3.11.2" in problem


_OLD = """
import datetime, enum, sys
sys.version_info = (3, 10, 13, "final", 0)
del datetime.UTC, enum.StrEnum
"""
_START = {
    "the bridge": "bridge.__main__",
    "manage.py": "manage",
    "the workers, the scheduler and the web": "relay.settings",
}


@pytest.mark.parametrize("module", _START.values(), ids=_START)
def test_no_process_starts_on_another(module: str) -> None:
    """It says so before it imports what such a Python, or one without packages, lacks."""
    without_packages = [sys.executable, "-S", "-c", f"{_OLD}import {module}"]

    done = subprocess.run(without_packages, cwd=_ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 2, done.stderr
    assert re.fullmatch(r"Python 3\.10\.13 is not supported: .+\n", done.stderr)


def test_the_package_says_the_same() -> None:
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
    oldest, after = (".".join(map(str, version)) for version in (OLDEST, NEXT))

    assert project["requires-python"] == f">={oldest},<{after}"
