"""`manage.py status`: is mail getting through, and if not, why and what to do?

It says what the dashboard's first line says, of the whole installation. It needs neither the
database nor Redis: that one of them is away is what it says then.

Exit codes: 0 all is well, 1 something deserves a look, 2 mail is stopped or may be.
"""

import json
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from relay.operations.dashboard import snapshot
from relay.operations.dashboard.tiles import WELL_BUT, look_at
from relay.operations.judgement.backlog import Backlog, find_backlog
from relay.operations.judgement.causes import SIGNS, Level
from relay.operations.judgement.verdict import Finding, Verdict, judge

_CODES = {Level.GOOD: 0, Level.LOOK: 1, Level.UNKNOWN: 1, Level.BAD: 2}


class Command(BaseCommand):
    """Print the judgement, and exit by it."""

    help = __doc__
    requires_system_checks: list[str] = []  # noqa: RUF012 - declared so by Django

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--json", action="store_true", help="print it as JSON")

    def handle(self, *args: Any, json: bool, **options: Any) -> None:
        """Judge, print, exit."""
        taken = snapshot.take(settings.CONFIG)
        verdict, backlog = judge(taken.facts), find_backlog(taken.facts)
        said = _said(verdict, look_at(taken))
        self.stdout.write(_as_json(said, backlog) if json else as_text(said, verdict, backlog))
        self.stdout.flush()
        sys.exit(_CODES[said["level"]])


def _said(verdict: Verdict, look: str) -> dict[str, Any]:
    """Return the verdict; where nothing stops mail, with the numbers that deserve a look."""
    said = verdict.as_json()
    if look and verdict.level is Level.GOOD:
        said |= {"level": Level.LOOK, "sign": SIGNS[Level.LOOK], "text": f"{WELL_BUT} {look}"}
    return said


def as_text(said: dict[str, Any], verdict: Verdict, backlog: Backlog | None = None) -> str:
    """Return the sentence; below it a command for each cause, and what follows from them. Last,
    what waits.
    """
    lines = [f"{said['sign']} {said['text']}"]
    lines += [f"  run: {one.advice.command}" for one in verdict.causes]
    lines += [f"  runbook: docs/runbook.md#{one.advice.anchor}" for one in verdict.causes[:1]]
    if verdict.symptoms:
        lines += ["Follows from it:", *(f"  {_short(one)}" for one in verdict.symptoms)]
    if backlog is not None and backlog.waiting:
        lines.append(backlog.text)
    return "\n".join(lines)


def _short(finding: Finding) -> str:
    return f"{finding.what}."


def _as_json(said: dict[str, Any], backlog: Backlog | None) -> str:
    said = said | {"backlog": backlog.as_json() if backlog else None}
    return json.dumps(said, ensure_ascii=False, indent=2)
