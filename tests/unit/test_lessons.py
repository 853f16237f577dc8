"""`docs/lessons.md` names tests that exist."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "lessons.md"


def rows(text: str) -> dict[int, str]:
    return {int(row[1]): row[0] for row in re.finditer(r"^\| (\d+) \|.*\|$", text, re.MULTILINE)}


MET, _, OPEN = PAGE.read_text().partition("## Not met yet")


def test_each_lesson_that_is_met_names_tests_that_exist() -> None:
    written = "\n".join(path.read_text() for path in TESTS.rglob("test_*.py"))
    exist = set(re.findall(r"def (test_\w+)", written))

    for row in rows(MET).values():
        assert re.search(r"`test_\w+`", row), row
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text()))
    assert named <= exist, named - exist


def test_each_lesson_is_met_or_said_to_be_open() -> None:
    assert sorted([*rows(MET), *rows(OPEN)]) == list(range(1, 60))
    for row in rows(OPEN).values():
        assert re.fullmatch(r"\| \d+ \| [^|]+ \| [^|]+ \|", row), row
