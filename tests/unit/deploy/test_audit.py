"""The audit of our packages: findings fail it, a service that can't be asked does not."""

import json
import runpy
from pathlib import Path

import pytest

from tests.unit.deploy.examples import ROOT

FAKE = """#!/bin/sh
# pip-audit, as far as it is asked here: the sixth argument is the report's file.
cat > "$6" <<'END'
{report}END
echo "{stderr}" >&2
exit {code}
"""
CLEAN = {"name": "good", "version": "1", "vulns": []}
FOUND = {"name": "bad", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}
SKIPPED = {"name": "unheard-of", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "stderr", "exit_code", "said"),
    [
        ([CLEAN, CLEAN], "", 0, "audit: 0 vulnerabilities in 2 of 2 packages"),
        ([CLEAN, FOUND], "", 1, "bad 1: CVE-1, fixed in 2"),
        ([FOUND, SKIPPED], "", 1, "audit: 1 vulnerabilities in 1 of 2 packages"),
        ([SKIPPED, SKIPPED], "", 0, "NOT MADE, the advisory service can't be used: it knows none"),
        (None, "requests.exceptions.ConnectionError", 0, "NOT MADE"),
        (None, "unknown option --output", 1, ""),
    ],
    ids=["clean", "found", "found among skipped", "all unknown", "no network", "our mistake"],
)
def test_findings_fail_the_audit_and_a_missing_service_does_not(
    packages: list[object] | None,
    stderr: str,
    exit_code: int,
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fake = tmp_path / "pip-audit"
    report = "" if packages is None else json.dumps({"dependencies": packages}) + "\n"
    code = 1 if stderr or FOUND in (packages or []) else 0
    fake.write_text(FAKE.format(report=report, stderr=stderr, code=code))
    fake.chmod(0o755)
    audit = runpy.run_path(str(ROOT / ".ci" / "audit.py"))["main"]

    assert audit(str(fake)) == exit_code
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(("report", "code"), [([SKIPPED], 2), ([CLEAN], 0), ([FOUND], 1)])
def test_where_it_must_be_made_an_audit_that_was_not_made_fails(
    report: list[object], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIT_MUST_BE_MADE", "1")
    fake = tmp_path / "pip-audit"
    text = json.dumps({"dependencies": report}) + "\n"
    fake.write_text(FAKE.format(report=text, stderr="", code=0))
    fake.chmod(0o755)

    assert runpy.run_path(str(ROOT / ".ci" / "audit.py"))["main"](str(fake)) == code


def test_ci_makes_the_audit_and_says_at_its_end_what_came_of_it() -> None:
    script = (ROOT / ".ci" / "run").read_text()

    assert "$(make --no-print-directory audit" in script
    assert script.endswith('echo "$audit"\n')
    assert "pipefail" in script
