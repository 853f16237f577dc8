"""Each package that the code imports is declared, and not only brought along by another one."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

EXTRAS = {
    "bridge": None,
    "emails": None,
    "relay": None,
    "runtime": None,
    "runtime/span_export.py": "otel",
    "runtime/spans.py": "otel",
    "tools/local": "local",
    "tools/aws": "fast-aws",
    "tools/checks": "dev",
    "bench": "bench",
    "tests": "dev",
}
"""What must be installed for the code in a folder or a file: an extra; None: only what production
needs.
"""

OURS = {folder.partition("/")[0] for folder in EXTRAS}
DISTRIBUTIONS = packages_distributions()


@pytest.mark.parametrize("folder", EXTRAS)
def test_what_is_imported_is_declared(folder: str) -> None:
    may_need = declared(EXTRAS[folder])

    undeclared = {
        f"{path.relative_to(ROOT)}: {module}"
        for path in sources(folder)
        for module in imported(ast.parse(path.read_text()))
        if may_need.isdisjoint(map(canonical, DISTRIBUTIONS.get(module, ())))
    }

    assert undeclared == set()


def test_what_is_imported_for_types_only_may_be_missing_in_production() -> None:
    source = "import a.b\nfrom c.d import e\nif TYPE_CHECKING:\n    import f\ndef g(): import h"

    assert set(imported(ast.parse(source))) == {"a", "c", "h"}


def declared(extra: str | None) -> set[str]:
    """Name the packages that are installed with an extra, and with those that it names."""
    wanted = list(PROJECT["dependencies"])
    extras = [extra] if extra else []
    while extras:
        for requirement in PROJECT["optional-dependencies"][extras.pop()]:
            own = re.fullmatch(rf"{PROJECT['name']}\[([\w,-]+)\]", requirement)
            if own:
                extras += own[1].split(",")
            else:
                wanted.append(requirement)
    return {canonical(re.split(r"[^\w.-]", requirement)[0]) for requirement in wanted}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def sources(folder: str) -> Iterator[Path]:
    """List the modules in a folder, but for those with a line of their own."""
    others = [ROOT / other for other in EXTRAS if other.startswith(f"{folder}/")]
    given = ROOT / folder
    for path in [given] if given.is_file() else given.rglob("*.py"):
        if not any(path.is_relative_to(other) for other in others):
            yield path


def imported(tree: ast.Module) -> Iterator[str]:
    """Name the top-level modules that running code imports, without ours and Python's."""
    for node in running(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module]
        for name in names:
            module = name.partition(".")[0]
            if module not in OURS and module not in sys.stdlib_module_names:
                yield module


def running(node: ast.AST) -> Iterable[ast.AST]:
    """Walk through the code, but not into what only type checkers read."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING")):
            yield from running(child)
