"""The wheel holds what production needs, and nothing else; it runs where there is no checkout."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = ("bridge", "emails", "relay", "runtime")
PAGES = "relay/operations/dashboard/docs"
NOT_SHIPPED = ("relay/local/", PAGES)
"""The demo; and the link to `docs/`, which becomes a folder."""

NEVER_COPIED = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, from a copy: setuptools takes up what an earlier build left in `build/`."""
    copy, folder = tmp_path_factory.mktemp("copy") / "checkout", tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, copy, symlinks=True, ignore=NEVER_COPIED)
    pip("wheel", "--no-build-isolation", "--wheel-dir", str(folder), str(copy))
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into an empty folder."""
    target = tmp_path_factory.mktemp("installed")
    pip("install", "--target", str(target), str(wheel))
    return target


def pip(command: str, *arguments: str) -> None:
    options = ("--no-deps", "--no-index", "--quiet", "--disable-pip-version-check")
    subprocess.run([sys.executable, "-m", "pip", command, *options, *arguments], check=True)


def test_every_file_of_the_packages_is_in_the_wheel(names: set[str]) -> None:
    assert set(needed_files()) - names == set()


def needed_files() -> Iterator[str]:
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*"):
            name = path.relative_to(ROOT).as_posix()
            if path.is_dir() or "__pycache__" in name or name.startswith(NOT_SHIPPED):
                continue
            # Translations are used compiled.
            if path.suffix != ".po":
                yield name


@pytest.mark.parametrize("suffix", [".lua", ".mo", ".html", ".css", "py.typed"])
def test_there_are_files_beside_the_code_to_look_for(suffix: str) -> None:
    assert any(name.endswith(suffix) for name in needed_files())


def test_the_runbook_and_the_pages_around_it_are_in_the_wheel(names: set[str]) -> None:
    pages = {f"{PAGES}/{path.name}" for path in (ROOT / "docs").glob("*.md")}

    assert f"{PAGES}/runbook.md" in pages
    assert {name for name in names if name.startswith(PAGES)} == pages


def test_nothing_else_is_in_the_wheel(names: set[str]) -> None:
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == set(PACKAGES)
    assert [name for name in names if name.startswith("relay/local/")] == []
    assert [name for name in names if name.endswith((".eml", ".pem", ".pyc", ".po"))] == []


def test_the_wheel_says_what_it_is(wheel: Path, names: set[str]) -> None:
    (name,) = (name for name in names if name.endswith(".dist-info/METADATA"))
    with zipfile.ZipFile(wheel) as archive:
        metadata = Parser().parsestr(archive.read(name).decode())

    assert metadata["Name"] == "sqs-mail-relay"
    assert metadata["License-Expression"] == "MPL-2.0"
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])
    assert str(metadata.get_payload()).startswith("# Mail relay")
    licence = name.replace("METADATA", "licenses/LICENSE")
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read(licence) == (ROOT / "LICENSE").read_bytes()


def test_the_packages_run_from_where_they_are_installed(installed: Path, tmp_path: Path) -> None:
    source = """
import bridge, django, emails, relay
django.setup()
from relay.operations.dashboard import runbook
print(bridge.__file__, emails.__file__, relay.__file__, runbook.PAGES)
print("runbook:", "<h1" in runbook.rendered(runbook.PAGES / "runbook.md"))
"""
    environment = {"DJANGO_SETTINGS_MODULE": "relay.settings"}

    where, runbook = run(installed, tmp_path, "-c", source, **environment).splitlines()

    assert [path for path in where.split() if not path.startswith(str(installed))] == []
    assert runbook == "runbook: True"


@pytest.mark.parametrize(
    ("environment", "folder"),
    [({}, "build/static"), ({"STATIC_ROOT": "elsewhere"}, "elsewhere")],
    ids=["by default", "as set"],
)
def test_static_files_are_not_put_among_the_installed_packages(
    environment: Mapping[str, str], folder: str, installed: Path, tmp_path: Path
) -> None:
    before = set(installed.rglob("*.css"))

    run(installed, tmp_path, "-m", "relay", "collectstatic", "--noinput", **environment)

    assert (tmp_path / folder / "dashboard" / "dashboard.css").is_file()
    assert set(installed.rglob("*.css")) == before


@pytest.mark.parametrize(
    ("script", "help_text"),
    [("mail-relay", "Type 'mail-relay help <subcommand>'"), ("mail-relay-bridge", "usage: ")],
)
def test_the_commands_are_installed(
    script: str, help_text: str, installed: Path, tmp_path: Path
) -> None:
    assert help_text in run(installed, tmp_path, str(installed / "bin" / script), "--help")


def run(installed: Path, folder: Path, *arguments: str, **environment: str) -> str:
    """Run Python in a folder, with the packages as they are installed; gives what it printed."""
    given = os.environ | {"PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=given | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
