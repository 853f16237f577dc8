"""Whatever somebody writes into Redis, what reads it says no in order, and believes only ours."""

import json
from typing import Any

import fakeredis
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.ledger import keys
from bridge.ledger.acknowledgements import Acknowledgement, Acknowledgements
from bridge.ledger.proofs import Proofs
from bridge.messages import Handle
from relay.worker.encoder import UNREADABLE_ACTOR, Encoder
from tests.seals import SEALS

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("message_id", "receipt_handle", "received_at_ms", "succeeded", "reason", "proof")
HANDLE = Handle("sqs-1", "handle-1")
PROOFS = Proofs(SEALS)


@pytest.fixture(scope="module")
def client() -> fakeredis.FakeRedis:
    return fakeredis.FakeRedis()


def genuine() -> dict[str, Any]:
    return {
        "message_id": HANDLE.message_id,
        "receipt_handle": PROOFS.write_handle(HANDLE),
        "received_at_ms": 1,
        "succeeded": True,
        "reason": "",
        "proof": PROOFS.of_end(HANDLE.message_id, "done"),
    }


def taken(client: fakeredis.FakeRedis, *texts: str | bytes) -> list[Acknowledgement]:
    client.flushall()
    client.rpush(keys.ACKNOWLEDGEMENTS + "mail", *texts)
    found = Acknowledgements(client, 60, SEALS).take("mail", 100, 1)
    left = Acknowledgements(client, 60, SEALS).find_unconfirmed("mail", 1)
    assert left == [one.handle for one in found]
    return found


def test_a_genuine_acknowledgement_is_believed(client: fakeredis.FakeRedis) -> None:
    (found,) = taken(client, json.dumps(genuine()))

    assert (found.handle, found.succeeded) == (HANDLE, True)


@given(junk=st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_junk_is_dropped_and_hides_no_genuine_one(client: fakeredis.FakeRedis, junk: bytes) -> None:
    ours = json.dumps(genuine())

    assert [one.handle for one in taken(client, junk, ours, junk)] == [HANDLE]


@given(changes=st.dictionaries(st.sampled_from(FIELDS), JSON, min_size=1))
@example(changes={"received_at_ms": float("inf")})
def test_who_changes_a_genuine_one_deletes_nothing_else_by_it(
    client: fakeredis.FakeRedis, changes: dict[str, Any]
) -> None:
    """The time and the reason are not signed: they are only logged."""
    for found in taken(client, json.dumps(genuine() | changes)):
        assert found.handle == HANDLE
        assert found.succeeded


@given(others=st.text(min_size=1), handle=st.text())
def test_proofs_fit_no_other_message_and_no_other_handle(others: str, handle: str) -> None:
    text = PROOFS.write_handle(HANDLE)
    proof = text.partition(" ")[2]

    assert PROOFS.read_handle(HANDLE.message_id, text) == HANDLE
    if others != HANDLE.message_id:
        assert PROOFS.read_handle(others, text) is None
        assert not PROOFS.shows_end(PROOFS.of_end("sqs-1", "done"), others, "done")
    if handle != HANDLE.receipt_handle:
        assert PROOFS.read_handle(HANDLE.message_id, f"{handle} {proof}") is None
    assert not PROOFS.shows_end(PROOFS.of_end("sqs-1", "failed"), "sqs-1", "done")


@given(junk=st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_a_message_that_can_not_be_decoded_is_one_for_nobody(junk: bytes) -> None:
    message = Encoder().decode(junk)

    assert message["actor_name"] == UNREADABLE_ACTOR


@given(fields=st.dictionaries(st.sampled_from(["args", "kwargs", "options", "queue_name"]), JSON))
def test_a_message_with_any_fields_is_decoded(fields: dict[str, Any]) -> None:
    message = {
        "queue_name": "inbound",
        "actor_name": "process_notification",
        "args": [],
        "kwargs": {"envelope": "x"},
        "options": {},
        "message_id": "sqs-1",
        "message_timestamp": 1,
    }
    decoded = Encoder().decode(json.dumps(message | fields).encode())

    assert decoded["actor_name"] in ("process_notification", UNREADABLE_ACTOR)
    assert isinstance(decoded["kwargs"], dict)
