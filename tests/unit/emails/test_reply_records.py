"""Reply records are found and read only with the forwarded mail's Message-ID."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emails.store.reply_records import ReplyKeys, Unreadable, decrypt, derive, encrypt
from emails.values.threads import MAX_IDS, Thread, quoted_ids

SECRET = b"secret"
KEYS = derive("0100-1", SECRET)
THREAD = Thread("bob@sender.example", "m1@sender.example", ("m0@sender.example",))


@pytest.mark.parametrize(
    "quoted",
    ["0100-1", "0100-1@email.amazonses.com", "<0100-1@us-east-1.amazonses.com>", " <0100-1@x> "],
)
def test_the_id_that_ses_answers_and_the_one_that_clients_quote_lead_to_one_record(
    quoted: str,
) -> None:
    assert derive(quoted, SECRET) == KEYS


def test_neither_key_is_the_other_nor_depends_on_the_id_alone() -> None:
    assert KEYS.encryption.hex() != KEYS.lookup
    assert derive("0100-2", SECRET).lookup != KEYS.lookup
    assert derive("0100-1", b"another").lookup != KEYS.lookup


@given(
    st.builds(Thread, st.text(), st.none() | st.text(), st.lists(st.text(), max_size=3).map(tuple))
)
def test_what_was_encrypted_is_read(thread: Thread) -> None:
    assert decrypt(encrypt(thread, KEYS), KEYS) == thread


def test_the_correspondent_does_not_stand_in_the_record() -> None:
    assert b"sender" not in encrypt(THREAD, KEYS)


@pytest.mark.parametrize(
    "keys",
    [
        derive("0100-2", SECRET),
        replace(KEYS, lookup=derive("0100-2", SECRET).lookup),
    ],
)
def test_a_record_under_other_keys_is_unreadable(keys: ReplyKeys) -> None:
    with pytest.raises(Unreadable):
        decrypt(encrypt(THREAD, KEYS), keys)


@given(st.binary(max_size=100))
def test_any_other_bytes_are_unreadable(metadata: bytes) -> None:
    with pytest.raises(Unreadable):
        decrypt(metadata, KEYS)


@pytest.mark.parametrize(
    ("in_reply_to", "references", "expected"),
    [
        (["<a@x>"], ["<b@x> <c@x>"], ("a@x", "c@x", "b@x")),
        ([], ["<b@x>\r\n\t<c@x>"], ("c@x", "b@x")),
        (["<a@\r\n x>"], [], ("a@x",)),
        (["a@x"], [], ("a@x",)),
        (["<a@x>"], ["<a@x>"], ("a@x",)),
        (["Your mail of Monday"], ["<b@x>"], ("b@x",)),
        ([""], [""], ()),
        (["<<>", "<a@x"], ["b@x>"], ("a@x", "b@x")),
    ],
)
def test_ids_are_quoted_in_many_ways(
    in_reply_to: list[str], references: list[str], expected: tuple[str, ...]
) -> None:
    """Lesson 5."""
    assert quoted_ids(in_reply_to, references) == expected


def test_of_very_many_references_the_newest_are_tried() -> None:
    references = " ".join(f"<{number}@x>" for number in range(100_000))

    ids = quoted_ids(["<new@x>"], [references])

    assert (len(ids), ids[0], ids[1]) == (MAX_IDS, "new@x", "99999@x")
