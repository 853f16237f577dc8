"""How Dramatiq's messages are read back from Redis."""

import json

import pytest
from dramatiq import Message
from hypothesis import given
from hypothesis import strategies as st

from relay.worker.encoder import UNREADABLE_ACTOR, Encoder

ENCODER = Encoder()


def a_message(notification: str) -> Message[None]:
    return Message("inbound", "process", (), {"notification": notification}, {}, "id-1", 0)


@given(st.text())
def test_what_is_written_is_read_back_unchanged(text: str) -> None:
    data = ENCODER.encode(a_message(text).asdict())

    assert ENCODER.decode(data)["kwargs"] == {"notification": text}


def test_a_message_read_back_prints_without_its_content() -> None:
    """Dramatiq and Sentry print a message's arguments; these are mail: lesson 35."""
    message: Message[None] = Message(
        **ENCODER.decode(ENCODER.encode(a_message("swordfish" * 3).asdict()))
    )

    assert "swordfish" not in str(message)
    assert "27 characters" in str(message)


@pytest.mark.parametrize("data", [b"", b"junk", b"[]", b"{}", b"\xff", b'{"queue_name": 1}'])
def test_what_cant_be_read_becomes_a_message_for_no_actor(data: bytes) -> None:
    assert Message(**ENCODER.decode(data)).actor_name == UNREADABLE_ACTOR


@given(st.binary() | st.from_type(object).map(lambda _: b"{" * 100_000))
def test_reading_never_raises(data: bytes) -> None:
    Message(**ENCODER.decode(data))


@pytest.mark.slow
@given(
    st.recursive(
        st.none() | st.booleans() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_json_of_another_shape_is_read_as_unreadable(value: object) -> None:
    assert Message(**ENCODER.decode(json.dumps(value).encode())).actor_name == UNREADABLE_ACTOR
