"""Every reason is named once, and documented: the document and the code are held together."""

import re
from enum import StrEnum
from pathlib import Path

import pytest

from emails.values import outcomes
from emails.values.outcomes import from_stored, name_of

DOCUMENT = Path(__file__).parents[3] / "docs" / "outcomes.md"

SECTIONS: dict[str, type[StrEnum]] = {
    "forwarded": outcomes.ForwardReason,
    "replied": outcomes.ReplyReason,
    "blocked": outcomes.BlockReason,
    "nomask": outcomes.NoMaskReason,
    "ignored": outcomes.IgnoreReason,
    "dropped": outcomes.DropReason,
    "held": outcomes.HeldReason,
    "expired": outcomes.HeldReason,
    "recorded": outcomes.RecordReason,
    "refused": outcomes.RefuseReason,
    "not finished": outcomes.RetryReason,
}


def documented() -> dict[str, list[str]]:
    """The first cells of each section's table."""
    text = DOCUMENT.read_text(encoding="utf-8")
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    return {
        section.partition("\n")[0].strip(): re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
        for section in sections
    }


def test_the_document_names_every_reason_in_the_codes_order_and_no_other() -> None:
    in_code = {name: [reason.value for reason in kind] for name, kind in SECTIONS.items()}

    assert {name: rows for name, rows in documented().items() if rows} == in_code


def test_every_kind_of_reason_has_its_section() -> None:
    kinds = {kind for kind in vars(outcomes).values() if isinstance(kind, type)}

    assert {kind for kind in kinds if issubclass(kind, StrEnum)} - {StrEnum} == set(
        SECTIONS.values()
    )


@pytest.mark.parametrize("name", outcomes.NAMES)
def test_an_outcome_that_was_stored_is_restored(name: str) -> None:
    for reason in SECTIONS[name]:
        outcome = from_stored(name, reason.value)

        assert (name_of(outcome), outcome.reason) == (name, reason)


@pytest.mark.parametrize("reason", ["spam", "hard_bounce_pause", "soft_bounce_pause"])
def test_what_an_older_release_dropped_stays_dropped(reason: str) -> None:
    """SQS may deliver it once more, after the upgrade."""
    assert name_of(from_stored("dropped", reason)) == "dropped"


def test_the_stored_words_fit_their_columns() -> None:
    from emails.models import Delivery

    for name in outcomes.NAMES:
        length = Delivery._meta.get_field("reason").max_length
        assert length is not None
        assert all(len(reason) <= length for reason in SECTIONS[name])
