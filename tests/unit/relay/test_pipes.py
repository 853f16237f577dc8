"""`manage.py … | head`: a reader that has seen enough is no error."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]

_MANY_LINES = """
import sys
from relay import __main__
def many(_):
    for _ in range(200_000):
        sys.stdout.write("a line\\n")
__main__.execute_from_command_line = many
__main__.main()
"""


def test_no_traceback_when_the_reader_leaves() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _MANY_LINES],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == "a line\n"
        process.stdout.close()
        assert process.stderr.read() == ""
