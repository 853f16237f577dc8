"""Nothing of a mail is shown to who looks after dead letters, whatever SES may come to send."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.operations.dead_letters.redaction import redacted
from tests.unit.emails.builders import as_json, bounce, complaint, received

SECRET = "ann@owner.example"
TEXTS = st.one_of(st.just(SECRET), st.just(f"Ann <{SECRET}>"))
ANYTHING = st.recursive(
    st.one_of(TEXTS, st.integers(), st.none()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(TEXTS, st.sampled_from(["status", "name"])), inner, max_size=3),
    ),
    max_leaves=6,
)


@pytest.mark.parametrize(
    "document",
    [
        received("x7k2@masks.example", headers={"Subject": "swordfish"}, content="swordfish"),
        bounce("ann@owner.example", diagnostic="550 swordfish", tags={"mask": "random-7"}),
        complaint("ann@owner.example", source="x7k2@masks.example"),
    ],
)
def test_no_address_header_or_body_is_shown(document: dict[str, Any]) -> None:
    shown = json.dumps(redacted(as_json(document)))

    for secret in ("@", "swordfish", "Bob"):
        assert secret not in shown


@given(ANYTHING, st.sampled_from(["mail", "receipt", "bounce", "complaint", "content", "new"]))
def test_an_address_planted_anywhere_is_not_shown(planted: Any, where: str) -> None:
    for document in (received(SECRET), bounce(SECRET), complaint(SECRET)):
        told = document | {where: planted}
        assert SECRET not in json.dumps(redacted(as_json(told)))


@given(TEXTS, st.sampled_from(["timestamp", "messageId", "tags"]))
def test_not_even_in_a_field_that_is_shown(planted: str, name: str) -> None:
    told = {"notificationType": "Bounce", "mail": {name: planted}}

    assert SECRET not in json.dumps(redacted(as_json(told)))


def test_what_an_operator_needs_is_shown() -> None:
    told = redacted(as_json(received("x7k2@masks.example", key="key-1", virus="FAIL")))

    assert told["notificationType"] == "Received"
    assert told["receipt"]["action"]["objectKey"] == "key-1"
    assert told["receipt"]["virusVerdict"] == {"status": "FAIL"}
    assert told["receipt"]["recipients"] == "hidden: 1 entries"


def test_what_is_no_json_is_told_by_its_length() -> None:
    assert redacted("swordfish") == "hidden: 9 characters"
    assert redacted("[" * 100_000) == "hidden: 100000 characters"
