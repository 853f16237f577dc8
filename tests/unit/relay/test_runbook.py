"""docs/runbook.md: the reasons that it explains are those of the code."""

import re
from pathlib import Path

from bridge.ledger.failure_reasons import TOO_MANY_DELIVERIES
from bridge.sns.reject_reasons import RejectReason
from emails.values.outcomes import RefuseReason, RetryReason

RUNBOOK = (Path(__file__).parents[3] / "docs" / "runbook.md").read_text(encoding="utf-8")


def explained_in(heading: str) -> set[str]:
    """The reasons in the first column of a section's table."""
    section = RUNBOOK.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return set(re.findall(r"`([a-z0-9_]+)`", " ".join(cells)))


def test_every_reason_to_reject_is_explained_and_no_other() -> None:
    assert explained_in("Messages are rejected") == {str(reason) for reason in RejectReason}


def test_every_reason_to_try_again_is_explained() -> None:
    explained = explained_in("Many messages are tried again")

    assert explained == {str(reason) for reason in RetryReason} | {"unexpected_error"}


def test_the_reasons_of_dead_letters_are_those_of_the_code() -> None:
    known = {str(reason) for reason in RefuseReason} | {TOO_MANY_DELIVERIES}

    assert explained_in("Dead letters in Redis") <= known
