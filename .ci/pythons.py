"""Runs the unit and contract tests on every other Python of this machine: `python .ci/pythons.py`.

Each Python that the relay accepts and this machine has gets an environment of its own, under
`build/pythons`; the one that runs this script is left out, since `make test` runs on it. The newest
runs the unit tests once more with the Django that comes next. All run side by side. Prints what
ran, and which accepted Python was not there. Exit code: 1 if anything failed.
"""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TextIO

sys.path.insert(0, str(Path(__file__).parents[1]))
from runtime.interpreter import NEXT, OLDEST, problem_with

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "build" / "pythons"
ACCEPTED = tuple(f"{OLDEST[0]}.{minor}" for minor in range(OLDEST[1], NEXT[1]))
NEXT_DJANGO = "Django>=6.0,<6.1"
NEXT_DJANGO_NEEDS = (3, 12)

_INPUTS = ("pyproject.toml", "constraints.txt")
_TESTS = ("tests/unit", "tests/contract")
_LAST_LINES = 60
_INSTALLING = Lock()
"""Held by who installs: pip builds the relay in this folder."""


@dataclass(frozen=True)
class Run:
    """Tests on one Python; `extra` is installed on top of, and against, our constraints."""

    python: Path
    version: str
    tests: tuple[str, ...]
    extra: str = ""

    @property
    def name(self) -> str:
        """What is printed, and the environment's folder."""
        return " ".join(filter(None, [f"Python {self.version}", self.extra]))

    @property
    def venv(self) -> Path:
        """Where it is installed."""
        return FOLDER / re.sub(r"[^\w.]+", "-", f"{self.version}{self.extra}")


def main() -> int:
    """Run all; returns the exit code."""
    found = dict(sorted(_found().items(), key=lambda item: _numbers(item[0])))
    runs = [Run(path, version, _TESTS) for version, path in found.items() if version != _own()]
    newest = max([_own(), *found], key=_numbers)
    if _numbers(newest) >= NEXT_DJANGO_NEEDS:
        python = found.get(newest, Path(sys.executable))
        runs.append(Run(python, newest, _TESTS[:1], NEXT_DJANGO))
    # Two processes a core: some tests only wait. Each process imports all tests, so several for one
    # Python are of use only if there would be too few otherwise.
    places = 2 * len(os.sched_getaffinity(0))
    processes = max(1, places // max(1, len(runs)))
    with ThreadPoolExecutor(places) as pool:
        passed = list(pool.map(lambda run: _passes(run, processes), runs))
    failed = [run.name for run, is_passed in zip(runs, passed, strict=True) if not is_passed]
    _print_missing([_own(), *found])
    if failed:
        _print(f"pythons: FAILED on {', '.join(failed)}")
    return 1 if failed else 0


def _found() -> dict[str, Path]:
    """Find the Pythons by their full version: the first of each."""
    found: dict[str, Path] = {}
    for path in _candidates():
        version = _version_of(path)
        if version and not problem_with(_numbers(version)):
            found.setdefault(version, path)
    return found


def _candidates() -> Iterator[Path]:
    yield Path("/usr/bin/python3")
    for name in ACCEPTED:
        if which := shutil.which(f"python{name}"):
            yield Path(which)
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    yield from sorted(pyenv.glob("versions/3.*/bin/python3"))


def _version_of(path: Path) -> str | None:
    """Ask a Python for its version; None if it is none, or can't make environments."""
    ask = "import ensurepip, platform, venv; print(platform.python_version())"
    try:
        done = subprocess.run([path, "-c", ask], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _passes(run: Run, processes: int) -> bool:
    log = run.venv.with_name(f"{run.venv.name}.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    pytest = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--dist", "loadfile"]
    pytest += ["--no-loadscope-reorder", "--numprocesses", str(processes if processes > 1 else 0)]
    with log.open("w+") as output:
        with _INSTALLING:
            is_installed = _is_installed(run, output)
        is_passed = is_installed and not subprocess.call(
            [run.venv / "bin" / "python", *pytest, *run.tests],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        output.seek(0)
        lines = output.read().splitlines()
    shown = [] if is_passed else lines[-_LAST_LINES:]
    _print(*shown, f"{run.name}: {_summary_of(lines)}")
    return is_passed


def _summary_of(lines: list[str]) -> str:
    """Find pytest's last line. A thread that stops after it may have logged more."""
    for line in reversed(lines):
        if re.search(r"\d (?:passed|failed|errors?)\b", line):
            return line
    return lines[-1] if lines else "nothing ran"


def _is_installed(run: Run, output: TextIO) -> bool:
    """Install what tests need, unless that was done from the same files before."""
    inputs = "".join((ROOT / name).read_text() for name in _INPUTS) + run.extra
    made_from = hashlib.sha256(inputs.encode()).hexdigest()
    mark = run.venv / "made-from"
    if mark.exists() and mark.read_text() == made_from:
        return True
    shutil.rmtree(run.venv, ignore_errors=True)
    pip: list[str | Path] = [
        run.venv / "bin" / "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-compile",  # the tests import few of the files
    ]
    steps: list[list[str | Path]] = [
        [run.python, "-m", "venv", run.venv],
        [*pip, "--constraint", "constraints.txt", "--editable", ".[dev]"],
        *([[*pip, run.extra]] if run.extra else []),
    ]
    for step in steps:
        if subprocess.call(step, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT):
            return False
    mark.write_text(made_from)
    return True


def _print_missing(versions: list[str]) -> None:
    there = {version.rpartition(".")[0] for version in versions}
    if missing := [name for name in ACCEPTED if name not in there]:
        _print(f"pythons: NOT RUN, not on this machine: Python {', '.join(missing)}")


def _own() -> str:
    return platform.python_version()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"[0-9]+", version)[:3]))


def _print(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
