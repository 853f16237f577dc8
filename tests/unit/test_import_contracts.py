"""The import contracts catch what they are there for: deliberate violations, fed to the linter."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("relay", "bridge", "emails", "runtime")

VIOLATIONS = [
    ("an arrow upward", "runtime/env.py", "import relay.config", "Four floors"),
    ("the domain knows SQS", "emails/flow/handle.py", "import bridge.sqs", "Four floors"),
    ("a circle of packages", "bridge/poller.py", "import relay.operations.gauges", "Four floors"),
    ("operators know workers", "relay/operations/gauges.py", "import relay.worker", "The project"),
    ("SQS knows the ledger", "bridge/sqs.py", "import bridge.ledger.keys", "The bridge: its"),
    ("the store knows flow", "emails/store/claims.py", "import emails.flow.deliver", "The domain"),
    ("the store knows an edge", "emails/store/records.py", "import emails.edges.s3", "The domain"),
    ("values know rules", "emails/values/facts.py", "import emails.rules.names", "The domain"),
    ("a socket", "emails/rules/forward.py", "import socket", "The core is pure"),
    ("a subprocess", "emails/rules/reply.py", "import subprocess", "The core is pure"),
    ("HTTP", "emails/mime/html.py", "import urllib3", "The core is pure"),
    ("HTTP of Python's own", "emails/mime/fields.py", "import urllib.request", "The core is pure"),
    ("files", "emails/mime/plans.py", "import pathlib", "The core is pure"),
    ("the clock", "bridge/sns/signature.py", "import time", "The core is pure"),
    ("a way around", "emails/rules/names.py", "import importlib", "The core is pure"),
    ("boto3 past its port", "emails/flow/inbound.py", "import boto3", "The flow reaches"),
    ("S3 past its port", "emails/flow/received.py", "import emails.edges.s3", "The flow reaches"),
    ("Redis in the store", "emails/store/counters.py", "import redis", "Of the domain"),
    ("AWS in the ledger", "bridge/ledger/in_flight.py", "import boto3", "The ledger"),
    ("Django in the bridge", "bridge/reporter.py", "import django", "The bridge knows"),
    ("rules in the bridge", "bridge/wiring.py", "import emails.rules.names", "The bridge knows"),
    ("Django in every process", "runtime/metrics.py", "import django", "What every process"),
    ("the demo", "relay/settings.py", "import tools.local.demo", "Nothing that is installed"),
]  # fmt: skip


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the linter says of our code with all of these in it."""
    copy = _copy_to(tmp_path_factory.mktemp("copy"))
    for _, path, line, _ in VIOLATIONS:
        with (copy / path).open("a") as file:
            file.write(f"\n{line}\n")
    return _complaints(copy)


def _copy_to(folder: Path) -> Path:
    ignored = shutil.ignore_patterns("__pycache__", "*.mo")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=ignored)
    (folder / "tools" / "checks").mkdir(parents=True)
    checks = ("__init__.py", "checks/__init__.py", "checks/import_contracts.py")
    for name in (*(f"tools/{check}" for check in checks), "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def _complaints(folder: Path) -> str:
    linter = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", linter, "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("path", "line", "contract"), [v[1:] for v in VIOLATIONS], ids=[v[0] for v in VIOLATIONS]
)
def test_a_violation_is_caught(report: str, path: str, line: str, contract: str) -> None:
    """Below the contract's heading, the importing module is named with what it must not import."""
    (section,) = [body for title, body in _sections(report).items() if title.startswith(contract)]
    importer = path.removesuffix(".py").replace("/", ".")
    imported = line.removeprefix("import ")
    known = (imported, imported.partition(".")[0])
    assert any(importer in said and any(one in said for one in known) for said in section), section


def test_a_module_without_a_floor_is_caught(tmp_path: Path) -> None:
    copy = _copy_to(tmp_path)
    (copy / "emails" / "misplaced.py").write_text("import re\n")

    assert "- emails.misplaced" in _complaints(copy)


def test_a_misspelled_source_is_caught(tmp_path: Path) -> None:
    """It would guard nothing."""
    copy = _copy_to(tmp_path)
    project = copy / "pyproject.toml"
    project.write_text(
        project.read_text().replace('"emails.rules", "emails', '"emails.rulez", "emails')
    )

    assert "no such source_modules: emails.rulez" in _complaints(copy)


def _sections(report: str) -> dict[str, list[str]]:
    """Take the report's part on broken contracts apart: title → its lines."""
    lines = report.partition("Broken contracts")[2].splitlines()
    titles = [at - 1 for at, text in enumerate(lines) if at and text and set(text) == {"-"}]
    ends = [*titles[1:], len(lines)]
    return {lines[at]: lines[at + 2 : end] for at, end in zip(titles, ends, strict=True)}
