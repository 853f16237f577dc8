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

from relay.operations.fail_fast import fail_fast_redis
from relay.operations.judgement.backlog import Backlog, find_backlog
from relay.operations.judgement.causes import Level
from relay.operations.judgement.database import ask_database
from relay.operations.judgement.read import read_facts
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
        config = settings.CONFIG
        facts = read_facts(fail_fast_redis(config.redis_url), config, ask_database)
        verdict, backlog = judge(facts), find_backlog(facts)
        self.stdout.write(_as_json(verdict, backlog) if json else as_text(verdict, backlog))
        self.stdout.flush()
        sys.exit(_CODES[verdict.level])


def as_text(verdict: Verdict, backlog: Backlog | None = None) -> str:
    """Return the sentence; below it a command for each cause, and what follows from them. Last,
    what waits.
    """
    said = verdict.as_json()
    lines = [f"{said['sign']} {verdict.text}"]
    lines += [f"  run: {one.advice.command}" for one in verdict.causes]
    lines += [f"  runbook: docs/runbook.md#{one.advice.anchor}" for one in verdict.causes[:1]]
    if verdict.symptoms:
        lines += ["Follows from it:", *(f"  {_short(one)}" for one in verdict.symptoms)]
    if backlog is not None and backlog.waiting:
        lines.append(backlog.text)
    return "\n".join(lines)


def _short(finding: Finding) -> str:
    return f"{finding.what}."


def _as_json(verdict: Verdict, backlog: Backlog | None) -> str:
    said = verdict.as_json() | {"backlog": backlog.as_json() if backlog else None}
    return json.dumps(said, ensure_ascii=False, indent=2)
