"""What the documents name exists: files, folders, tests and modules to run."""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tools.pictures import MOST_BYTES, NAMES

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "deploy").rglob("*.md")),
]
FOLDERS = ("bench", "bridge", "deploy", "docs", "emails", "relay", "runtime", "tests", "tools")

_NAMED = re.compile(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]*)`")
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
_TEST = re.compile(r"`(test_\w+)`")
_MODULE = re.compile(r"python3?\s-m\s(\w+(?:\.\w+)*)")


def missing(page: Path) -> Iterator[str]:
    """Find what a page names or links to and is not there."""
    text = page.read_text(encoding="utf-8")
    yield from (path for path in _NAMED.findall(text) if not (ROOT / path).exists())
    yield from (path for path in _LINK.findall(text) if not (page.parent / path).exists())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_file_that_a_page_names_or_links_to_exists(page: Path) -> None:
    assert list(missing(page)) == []


def test_each_picture_is_one_that_is_drawn_is_shown_and_is_small() -> None:
    pictures = list((ROOT / "docs" / "img").glob("*.png"))
    pages = "".join(page.read_text(encoding="utf-8") for page in PAGES)

    assert {one.name for one in pictures} == set(NAMES)
    assert [one.name for one in pictures if f"img/{one.name})" not in pages] == []
    assert [one.name for one in pictures if one.stat().st_size > MOST_BYTES] == []


def test_each_test_that_a_page_names_exists() -> None:
    written = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    exist = set(re.findall(r"def (test_\w+)", written))
    named = {name for page in PAGES for name in _TEST.findall(page.read_text(encoding="utf-8"))}

    assert named
    assert named - exist == set()


def is_runnable(name: str) -> bool:
    """Whether `python -m` finds a module of this name to run."""
    try:
        spec = find_spec(name)
        is_package = spec is not None and spec.submodule_search_locations is not None
        return find_spec(f"{name}.__main__") is not None if is_package else spec is not None
    except ModuleNotFoundError:
        return False


def test_each_module_that_a_page_says_to_run_can_be_run() -> None:
    named = {name for page in PAGES for name in _MODULE.findall(page.read_text(encoding="utf-8"))}

    assert {"bridge", "tools.aws"} <= named
    assert {name for name in named if not is_runnable(name)} == set()


def test_a_module_that_is_not_there_can_not_be_run() -> None:
    assert [name for name in ("bench.aws", "nothing.there", "tools") if is_runnable(name)] == []
