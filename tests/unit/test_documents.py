"""What the documents name exists: files, folders and tests."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FOLDERS = ("bench", "bridge", "deploy", "docs", "emails", "relay", "runtime", "tests", "tools")

_NAMED = re.compile(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]*)`")
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
_TEST = re.compile(r"`(test_\w+)`")


def missing(page: Path) -> Iterator[str]:
    """Find what a page names or links to and is not there."""
    text = page.read_text(encoding="utf-8")
    yield from (path for path in _NAMED.findall(text) if not (ROOT / path).exists())
    yield from (path for path in _LINK.findall(text) if not (page.parent / path).exists())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_file_that_a_page_names_or_links_to_exists(page: Path) -> None:
    assert list(missing(page)) == []


def test_each_test_that_a_page_names_exists() -> None:
    written = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    exist = set(re.findall(r"def (test_\w+)", written))
    named = {name for page in PAGES for name in _TEST.findall(page.read_text(encoding="utf-8"))}

    assert named
    assert named - exist == set()
