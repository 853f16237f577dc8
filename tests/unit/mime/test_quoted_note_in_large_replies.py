"""Our note is found in large and hostile replies, and that costs little."""

import pytest

from emails.edges.note import note_wordings
from emails.mime import quoted_note
from emails.mime.condensed import Condensed
from emails.mime.quoted_note import note_remover
from tests.unit.mime.builders import MASK

pytestmark = pytest.mark.slow

NOTE = f"Forwarded from your mask {MASK}. Your reply will be sent from it, too."
remove = note_remover(note_wordings(MASK, ("en", "de", "es", "fr")))

HOSTILE = {
    "headers": f"Sent to your mask {MASK} ",
    "open tags": "<a ",
    "opened": "<div>",
    "less": "<",
    "entities": "&#64;",
    "half entities": "&a",
    "links": "<http:",
    "delimiters": "-- \n",
    "one line": "> ",
    "pieces": "a ",
    "counts": f"Forwarded from your mask {MASK}. Your reply will be sent from it, too. "
    "999999999 trackers were removed: " + "a (1), " * 1000,
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("is_html", [True, False])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_take_time_in_proportion(name: str, is_html: bool) -> None:
    """A megabyte takes less than a second; quadratic time would be hours, so the timeout tells."""
    remove(MASK + HOSTILE[name] * ((1 << 20) // len(HOSTILE[name])), is_html)


def test_notes_far_from_each_other_are_all_found() -> None:
    """Only what lies near the mask's name is searched."""
    between = "some words in a line\n" * 5_000
    text = f"{between}{NOTE}\n{between}{NOTE}\n{between}"

    assert remove(text, False) == between * 3


def test_only_what_lies_near_the_masks_name_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    searched = []

    def condense(text: str, *, is_html: bool, spans: list[tuple[int, int]]) -> Condensed:
        condensed = Condensed(text, is_html=is_html, spans=spans)
        searched.append(len(condensed.text))
        return condensed

    monkeypatch.setattr(quoted_note, "Condensed", condense)

    remove(f"{NOTE}\n" + "some words in a line\n" * 100_000, False)

    assert 0 < sum(searched) < 50_000
