"""The steps of an attempt: collected by the thread that makes it, and written as one text."""

import threading

import pytest

from runtime import story
from runtime.story import Step


def test_steps_are_read_as_they_were_noted() -> None:
    story.begin()
    story.note("claimed", "7-abc")
    story.note("settled", "forwarded", "existing_mask")

    claimed, settled = story.read(story.take())

    assert (claimed.word, claimed.about) == ("claimed", ("7-abc",))
    assert settled == Step("settled", settled.before_ms, ("forwarded", "existing_mask"))
    assert claimed.before_ms >= settled.before_ms >= 0


def test_they_are_taken_once_and_only_where_an_attempt_began() -> None:
    story.note("nowhere")
    assert story.take() == ""

    story.begin()
    story.note("here")
    threading.Thread(target=lambda: story.note("elsewhere")).start()

    assert [step.word for step in story.read(story.take())] == ["here"]
    story.note("after the end")
    assert story.take() == ""


def test_a_long_story_is_cut_between_steps() -> None:
    story.begin()
    for number in range(1_000):
        story.note("claimed", number)

    text = story.take()

    assert len(text) <= 3_000
    assert [step.about for step in story.read(text)][:2] == [("0",), ("1",)]
    assert all(step.word == "claimed" for step in story.read(text))


@pytest.mark.parametrize("text", ["", ";", "x y", "-1 x", "1", "²  x", "1" * 20 + " x"])
def test_what_nobody_noted_is_not_read(text: str) -> None:
    assert list(story.read(text)) == []
