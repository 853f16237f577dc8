"""pytest-xdist's processes take the longest files first."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.order import longest_first


@dataclass
class Collected:
    """What the order is made of."""

    config: pytest.Config
    path: Path
    fixturenames: list[str] = field(default_factory=list)
    marks: list[pytest.Mark] = field(default_factory=list)

    def get_closest_marker(self, name: str) -> pytest.Mark | None:
        return next((mark for mark in self.marks if mark.name == name), None)


def test_files_that_start_processes_or_say_so_come_first_and_a_file_stays_in_its_order(
    pytestconfig: pytest.Config,
) -> None:
    def a_test(file: str, *fixtures: str, **marks: Any) -> Collected:
        given = [getattr(pytest.mark, name)(value).mark for name, value in marks.items()]
        return Collected(pytestconfig, Path(file), list(fixtures), given)

    quick = [a_test("quick") for _ in range(9)]
    limited = a_test("limited", timeout=60)
    on_server = [a_test("on a server", servers=None) for _ in range(3)]
    processes = [a_test("processes", "relay", "migrated"), a_test("processes")]
    long = a_test("long", timeout=400)

    tests: list[Any] = [*quick, limited, *on_server, *processes, long]
    ordered: list[Any] = [*longest_first(tests)]

    assert ordered == [long, *processes, *on_server, *quick, limited]
