"""`docs/lessons.md` names tests that exist."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "lessons.md"


def test_each_lesson_names_tests_that_exist() -> None:
    written = "\n".join(path.read_text() for path in TESTS.rglob("test_*.py"))
    exist = set(re.findall(r"def (test_\w+)", written))
    rows = [line for line in PAGE.read_text().splitlines() if re.match(r"\| \d+ \|", line)]

    assert [int(row.split("|")[1]) for row in rows] == list(range(1, 43))
    for row in rows:
        named = set(re.findall(r"`(test_\w+)`", row))
        assert named, row
        assert named <= exist, named - exist
