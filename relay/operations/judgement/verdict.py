"""The verdict on the facts: its level, its causes, and the sentence that says it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from relay.operations.judgement import rules
from relay.operations.judgement.causes import ADVICE, SIGNS, Advice, Cause, Level, follows_from
from relay.operations.judgement.durations import duration
from relay.operations.judgement.facts import Facts
from relay.operations.judgement.found import Found

WELL = "All is well."
_RANKS = {Level.GOOD: 0, Level.LOOK: 1, Level.UNKNOWN: 2, Level.BAD: 3}


@dataclass(frozen=True, slots=True)
class Finding:
    """A cause as operators read it; `seconds` is how long it has lasted, if that is known."""

    cause: Cause
    what: str
    seconds: float | None
    advice: Advice

    @property
    def sentence(self) -> str:
        """Name the cause, since when, what it does to mail, and what to do."""
        since = "" if self.seconds is None else f", for {duration(self.seconds)}"
        return f"{self.what}{since}. {self.advice.effect} {self.advice.todo}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement: causes, the worst first, and the symptoms that follow from them."""

    level: Level
    causes: Sequence[Finding]
    symptoms: Sequence[Finding]

    @property
    def text(self) -> str:
        """The first line: the sentences of all causes."""
        return " ".join(finding.sentence for finding in self.causes) or WELL

    def as_json(self) -> dict[str, Any]:
        """Return it for pages and for `manage.py status --json`."""
        return {
            "level": self.level,
            "sign": SIGNS[self.level],
            "text": self.text,
            "causes": [_as_json(finding) for finding in self.causes],
            "symptoms": [_as_json(finding) for finding in self.symptoms],
        }


def judge(facts: Facts) -> Verdict:
    """Judge an installation."""
    found = [_finding(one, facts.now) for one in rules.find(facts)]
    explained = {one for finding in found for one in follows_from(finding.cause)}
    causes = [finding for finding in found if finding.cause not in explained]
    causes.sort(key=lambda finding: -_RANKS[finding.advice.level])
    level = max((one.advice.level for one in causes), key=_RANKS.__getitem__, default=Level.GOOD)
    symptoms = [finding for finding in found if finding.cause in explained]
    return Verdict(level, causes, symptoms)


def _finding(found: Found, now: float) -> Finding:
    seconds = None if found.since is None else max(0.0, now - found.since)
    return Finding(found.cause, found.what, seconds, ADVICE[found.cause])


def _as_json(finding: Finding) -> dict[str, Any]:
    return {
        "cause": finding.cause,
        "level": finding.advice.level,
        "sentence": finding.sentence,
        "seconds": None if finding.seconds is None else round(finding.seconds),
        "command": finding.advice.command,
        "runbook": finding.advice.anchor,
    }
