"""Tries the alerts on Prometheus's own tool: `python .ci/alerts.py`.

Checks the rules, and plays the series of .ci/alerts.yml through them: each stall pages once within
five minutes, and an hour of normal traffic with a flood and bounces pages nobody. Needs promtool,
which Debian's package `prometheus` has; says so where it is not there, and succeeds.
"""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Run promtool; returns its exit code."""
    promtool = shutil.which("promtool")
    if promtool is None:
        sys.stdout.write("alerts: NOT TRIED, there is no promtool: apt-get install prometheus\n")
        return 0
    for command in (
        [promtool, "check", "rules", str(ROOT / "deploy" / "prometheus" / "alerts.yml")],
        [promtool, "test", "rules", str(ROOT / ".ci" / "alerts.yml")],
    ):
        done = subprocess.run(command, check=False, cwd=ROOT / ".ci")
        if done.returncode != 0:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
