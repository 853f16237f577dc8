"""Looks for known vulnerabilities in the pinned packages: `python .ci/audit.py PIP_AUDIT`.

Fails on findings. If the advisory service can't be reached, the audit was NOT MADE: it says so, and
fails if AUDIT_MUST_BE_MADE is set, as before a release. Otherwise it succeeds, since the change
under test is not at fault; `.ci/run` repeats the last line at its end, so that nobody takes it for
a pass. pip-audit doesn't distinguish these: without a connection it fails, and behind a mirror that
serves packages but no advisories it reports no vulnerabilities.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

PINNED = Path(__file__).parents[1] / "constraints.txt"
OPTIONS = ("--no-deps", "--disable-pip", "--progress-spinner", "off", "--timeout", "10")
NO_SERVICE = (
    "ConnectionError",
    "ConnectTimeout",
    "ReadTimeout",
    "HTTPError",
    "ProxyError",
    "SSLError",
)
NOT_MADE = 2
_SECONDS = 300


def main(pip_audit: str) -> int:
    """Run pip-audit; returns the exit code: 1 for findings and our own failures, else as above."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        files = ("--requirement", str(PINNED), "--format", "json", "--output", str(report))
        try:
            ran = subprocess.run(
                [pip_audit, *files, *OPTIONS],
                capture_output=True,
                text=True,
                check=False,
                timeout=_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return _not_audited("it did not answer in time")
        if report.exists() and report.read_text():
            return _judge(json.loads(report.read_text())["dependencies"])
    if any(word in ran.stderr for word in NO_SERVICE):
        return _not_audited("no connection")
    sys.stderr.write(ran.stderr)
    return 1


def _judge(packages: list[dict[str, object]]) -> int:
    audited = [package for package in packages if "vulns" in package]
    if not audited:
        return _not_audited("it knows none of the packages")
    findings = [
        f"{package['name']} {package['version']}: {vulnerability['id']}, "
        f"fixed in {', '.join(vulnerability['fix_versions']) or 'no version yet'}"
        for package in audited
        for vulnerability in package["vulns"]  # type: ignore[attr-defined]
    ]
    _print_lines(
        *findings,
        f"audit: {len(findings)} vulnerabilities in {len(audited)} of {len(packages)} packages",
    )
    return 1 if findings else 0


def _not_audited(why: str) -> int:
    _print_lines(f"audit: NOT MADE, the advisory service can't be used: {why}")
    return NOT_MADE if os.environ.get("AUDIT_MUST_BE_MADE") else 0


def _print_lines(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
