"""The order of the test files: the longest first, so that none is left running alone at the end.

How long a file takes is estimated, not measured: a record of measurements would have to be kept
true. What takes long are whole processes, and they show in a test's fixtures; a test with a longer
timeout than the others says so itself.
"""

from collections import defaultdict
from pathlib import Path

import pytest

_OF_PROCESSES = frozenset({"migrated", "template", "start"})
"""The fixtures that only tests of whole processes use."""


def longest_first(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return the tests file by file, those of a file in their order."""
    files: defaultdict[Path, list[pytest.Item]] = defaultdict(list)
    for item in items:
        files[item.path].append(item)
    by_length = sorted(files.values(), key=lambda tests: -sum(map(_seconds, tests)))
    return [item for tests in by_length for item in tests]


def fixtures(item: pytest.Item) -> list[str]:
    """Return the names of all fixtures that a test uses."""
    names: list[str] = getattr(item, "fixturenames", [])
    return names


def _seconds(item: pytest.Item) -> float:
    timeout = item.get_closest_marker("timeout")
    if timeout and timeout.args[0] > float(item.config.getini("timeout")):
        seconds: float = timeout.args[0] / 4
        return seconds
    if not _OF_PROCESSES.isdisjoint(fixtures(item)):
        return 12
    if item.get_closest_marker("slow"):
        return 0.6
    return 0.1 if item.get_closest_marker("servers") else 0.03
