"""The Message-ID of an owner's reply travels through SES's tags, and nobody can read it there."""

import re

import pytest

from emails.store.sealed_ids import open_id, seal_id

SECRET = b"a secret for tests"
ID = "CAF=0a8+b1@mail.owner.example"


def test_a_sealed_id_is_opened_with_the_same_secret_only() -> None:
    sealed = seal_id(ID, SECRET)

    assert sealed is not None
    assert open_id(sealed, [SECRET]) == ID
    assert open_id(sealed, [b"another"]) is None
    assert "owner" not in sealed


def test_two_replies_of_one_id_can_not_be_linked() -> None:
    assert seal_id(ID, SECRET) != seal_id(ID, SECRET)


@pytest.mark.parametrize("length", [1, 20, 164])
def test_it_is_a_tag_that_ses_takes(length: int) -> None:
    sealed = seal_id("x" * length, SECRET)

    assert sealed is not None
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,256}", sealed)
    assert open_id(sealed, [SECRET]) == "x" * length


def test_one_that_is_too_long_for_a_tag_is_left_out() -> None:
    assert seal_id("x" * 165, SECRET) is None


@pytest.mark.parametrize("text", ["", "x", "é", "A" * 40, "!" * 40])
def test_another_tag_of_this_name_is_no_id(text: str) -> None:
    assert open_id(text, [SECRET]) is None
