"""`requirements/` pins what `pyproject.toml` asks for: one version of each package, by hash."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LOCKS = {name: ROOT / "requirements" / f"{name}.txt" for name in ("production", "local", "dev")}

PIN = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>[\w.]+)(?: ; (?P<marker>.+))?")
HASHED = re.compile(r"(?P<pin>\S.*?)(?: \\\n    --hash=sha256:[0-9a-f]{64})+\n")


def pins(text: str) -> dict[str, str]:
    """Read the lines `name==version ; marker`; gives them by name and marker."""
    found = [PIN.fullmatch(line) for line in text.splitlines() if not line.startswith("#")]
    assert None not in found
    return {f"{one['name']} ; {one['marker']}": one["version"] for one in found if one}


def locked(name: str) -> dict[str, str]:
    lines = HASHED.sub(lambda one: one["pin"] + "\n", LOCKS[name].read_text())
    return pins(lines)


@pytest.mark.parametrize("name", LOCKS)
def test_everything_in_a_lock_has_hashes_and_no_address_of_an_index(name: str) -> None:
    """Whatever is no comment and no pin with its hashes fails `pins`."""
    assert len(locked(name)) > 30
    assert "//" not in LOCKS[name].read_text()


@pytest.mark.parametrize(("smaller", "larger"), [("production", "local"), ("local", "dev")])
def test_a_larger_lock_holds_the_smaller_one(smaller: str, larger: str) -> None:
    assert locked(smaller).items() <= locked(larger).items()


def test_the_constraints_are_the_versions_of_the_largest_lock() -> None:
    assert pins((ROOT / "constraints.txt").read_text()) == locked("dev")


@pytest.mark.parametrize("name", LOCKS)
def test_what_is_declared_is_locked(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    extras = {"local": ["local"], "dev": ["local", "fast-aws", "bench", "test", "dev"]}
    for extra in extras.get(name, ()):
        declared += project["project"]["optional-dependencies"][extra]
    names = {re.split(r"[^\w.-]", one)[0].lower().replace("_", "-") for one in declared}

    found = {pin.partition(" ")[0] for pin in locked(name)}

    assert names - found == {project["project"]["name"]} & names


def test_the_backend_is_locked_in_the_version_that_builds() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())

    assert project["dependency-groups"]["build"] == project["build-system"]["requires"]
