"""Seals: only we make them, and each is about one thing."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.seals import Forged, SealedByAnother, Seals

OURS, OLD, OTHERS = "our-secret", "our-secret-before", "somebody-elses-secret"
SEALS = Seals([OURS])

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(text=TEXT, about=TEXT)
def test_what_we_sealed_we_open(text: str, about: str) -> None:
    assert Seals([OURS]).open(SEALS.seal(text, about), about) == text


def test_a_sealed_text_shows_nothing_of_it() -> None:
    sealed = SEALS.seal("swordfish" * 10, "sqs-1")

    assert "swordfish" not in sealed
    assert sealed != SEALS.seal("swordfish" * 10, "sqs-1")


def test_it_is_about_one_thing_only() -> None:
    with pytest.raises(Forged):
        SEALS.open(SEALS.seal("text", "sqs-1"), "sqs-2")


@given(data=st.data())
def test_no_change_opens_to_another_text(data: st.DataObject) -> None:
    sealed = SEALS.seal("text", "sqs-1")
    at = data.draw(st.integers(0, len(sealed) - 1))
    other = data.draw(st.characters(max_codepoint=0x7F).filter(lambda one: one != sealed[at]))
    changed = sealed[:at] + other + sealed[at + 1 :]

    with suppress(Forged, SealedByAnother):
        assert SEALS.open(changed, "sqs-1") == "text"  # the last bits of base64 may be unused


@given(junk=st.text())
def test_whatever_else_lies_there_is_no_seal(junk: str) -> None:
    name = SEALS.seal("", "").partition(".")[0]
    for text in (junk, f"{name}.{junk}"):
        with pytest.raises((Forged, SealedByAnother)):
            SEALS.open(text, "sqs-1")


def test_one_sealed_under_another_secret_is_told_from_a_forgery() -> None:
    with pytest.raises(SealedByAnother):
        SEALS.open(Seals([OTHERS]).seal("text", "sqs-1"), "sqs-1")


def test_an_earlier_secret_still_opens_and_the_newest_seals() -> None:
    changing = Seals([OURS, OLD])

    assert changing.open(Seals([OLD]).seal("text", "sqs-1"), "sqs-1") == "text"
    assert changing.is_signed(Seals([OLD]).sign("a"), "a")
    assert SEALS.open(changing.seal("text", "sqs-1"), "sqs-1") == "text"
    assert SEALS.is_signed(changing.sign("a"), "a")


@given(words=st.lists(TEXT, max_size=4), others=st.lists(TEXT, max_size=4))
def test_a_signature_fits_its_words_alone(words: list[str], others: list[str]) -> None:
    signature = SEALS.sign(*words)

    assert SEALS.is_signed(signature, *others) is (words == others)
    assert not Seals([OTHERS]).is_signed(signature, *words)


@pytest.mark.parametrize("words", [("ab", "c"), ("a", "bc"), ("abc",), ("a", "b", "c"), ("1:a",)])
def test_words_split_elsewhere_are_other_words(words: tuple[str, ...]) -> None:
    others = {("ab", "c"), ("a", "bc"), ("abc",), ("a", "b", "c"), ("1:a",), ("a",)} - {words}

    assert not [one for one in others if SEALS.is_signed(SEALS.sign(*words), *one)]


@given(junk=st.text(st.characters()))
def test_no_text_is_a_signature_by_chance(junk: str) -> None:
    assert not SEALS.is_signed(junk, "a")
