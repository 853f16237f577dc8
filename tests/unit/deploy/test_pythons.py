"""Which Pythons of a machine `.ci/pythons.py` runs the tests on: those that the relay accepts."""

import runpy
from pathlib import Path

import pytest

from tests.unit.deploy.examples import ROOT

FAKE = """#!/bin/sh
echo {version}
"""
VERSIONS = ("3.10.13", "3.11.0", "3.11.1", "3.11.90", "3.14.90", "3.15.0a1")


def test_only_accepted_pythons_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in VERSIONS:
        python = tmp_path / "versions" / version / "bin" / "python3"
        python.parent.mkdir(parents=True)
        python.write_text(FAKE.format(version=version))
        python.chmod(0o755)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", "/nowhere")

    # To have sys.path as it was afterwards: the script adds to it.
    monkeypatch.syspath_prepend(str(ROOT))
    pythons = runpy.run_path(str(ROOT / ".ci" / "pythons.py"))
    found = pythons["_found"]()

    fakes = {version for version, path in found.items() if path.is_relative_to(tmp_path)}
    assert fakes == {"3.11.90", "3.14.90"}
    assert pythons["ACCEPTED"] == ("3.11", "3.12", "3.13", "3.14")
