"""Processes of tests, which are forked: they end, and are set, as those that are started."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.preloaded import LIBRARIES, Nursery
from tools.local import processes
from tools.local.processes import Launch, Launched

LAUNCHERS = [
    pytest.param(processes.launch, id="started"),
    pytest.param(Nursery().launch, id="forked"),
]
SCRIPT = """
import atexit, os, sys
atexit.register(print, "at exit")
print(sys.argv[1:], os.environ, os.getsid(0) == os.getpid(), __name__)
print(sys.stdin.read(), len(os.listdir("/proc/self/fd")), file=sys.stderr)
{end}
"""

pytestmark = pytest.mark.slow


@pytest.fixture(params=LAUNCHERS)
def launch(request: pytest.FixtureRequest) -> Launch:
    launch: Launch = request.param
    return launch


def started(launch: Launch, folder: Path, end: str, environ: Mapping[str, str]) -> Launched:
    """Start a script, with `end` as its last line."""
    script = folder / "script.py"
    script.write_text(SCRIPT.format(end=end))
    command = [sys.executable, str(script), "one", "two"]
    with (folder / "output").open("wb") as output, (folder / "errors").open("wb") as errors:
        return launch(command, environ, output, errors)


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("", 0),
        ("sys.exit(7)", 7),
        ("sys.exit('no')", 1),
        ("1 / 0", 1),
        ("os.kill(os.getpid(), 9)", -9),
    ],
)
def test_its_exit_code_is_told(launch: Launch, tmp_path: Path, end: str, code: int) -> None:
    process = started(launch, tmp_path, end, {})

    assert process.wait(20) == code
    assert process.poll() == code
    process.send_signal(signal.SIGTERM)  # to nobody


def test_it_has_the_environment_and_the_files_that_were_given_and_no_other(
    launch: Launch, tmp_path: Path
) -> None:
    started(launch, tmp_path, "", {"A": "b"}).wait(20)

    output = (tmp_path / "output").read_text()
    assert output.startswith("['one', 'two'] environ({'A': 'b'")
    assert "HOME" not in output
    assert output.endswith(" True __main__\nat exit\n")
    # Those of standard input, output and errors, and of the folder that is listed.
    assert (tmp_path / "errors").read_text() == " 4\n"


def test_a_signal_ends_it(launch: Launch, tmp_path: Path) -> None:
    process = started(launch, tmp_path, "import time; time.sleep(600)", {})
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    assert process.poll() is None
    assert os.getpgid(process.pid) == process.pid

    process.send_signal(signal.SIGTERM)

    assert process.wait(20) == -signal.SIGTERM


def test_no_library_is_loaded_that_reads_its_environment_when_it_is_imported() -> None:
    code = f"import sys, importlib\nfor name in {LIBRARIES!r}: importlib.import_module(name)\n"
    code += "print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    loaded = set(done.stdout.split())
    assert "django" in loaded
    assert loaded.isdisjoint({"dramatiq", "periodiq", "prometheus_client"})
    assert loaded.isdisjoint({"bridge", "emails", "relay", "runtime"})
