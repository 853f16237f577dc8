"""Our note is found in large and hostile replies, and that costs little."""

import time

import pytest

from emails.edges.note import note_wordings
from emails.mime.quoted_note import note_remover
from tests.unit.mime.builders import MASK

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


@pytest.mark.parametrize("is_html", [True, False])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_take_time_in_proportion(name: str, is_html: bool) -> None:
    """A megabyte takes a fraction of a second; with quadratic time it would be minutes."""
    text = MASK + HOSTILE[name] * ((1 << 20) // len(HOSTILE[name]))
    started = time.process_time()

    remove(text, is_html)

    assert time.process_time() - started < 5


def test_notes_far_from_each_other_are_all_found() -> None:
    """Only what lies near the mask's name is searched."""
    between = "some words in a line\n" * 5_000
    text = f"{between}{NOTE}\n{between}{NOTE}\n{between}"

    assert remove(text, False) == between * 3


def test_a_long_text_costs_little_where_the_masks_name_is_rare() -> None:
    text = "some words in a line\n" * 100_000

    def seconds(one: str) -> float:
        start = time.process_time()
        remove(one, False)
        return time.process_time() - start

    dense = min(seconds(f"{MASK}\n" * 100_000) for _ in range(2))
    assert min(seconds(f"{NOTE}\n{text}") for _ in range(3)) < dense / 4
