"""Which dead letters are meant."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emails.rules.addresses import parse
from emails.values.facts import MaskKind, MaskRef
from relay.operations.dead_letters.filters import (
    Filters,
    MaskFilter,
    is_about,
    read_age,
    read_id,
    read_mask,
    read_reason,
)
from tests.unit.emails.builders import as_json, bounce, complaint, received
from tests.unit.operations.builders import a_letter

ADDRESS = parse("x7k2@masks.example")
assert ADDRESS is not None
MASK = MaskFilter(MaskRef(MaskKind.RANDOM, 7), ADDRESS)


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("90s", timedelta(seconds=90)),
        ("10m", timedelta(minutes=10)),
        ("3h", timedelta(hours=3)),
        (" 2d", timedelta(days=2)),
    ],
)
def test_an_age_is_a_number_and_a_unit(text: str, age: timedelta) -> None:
    assert read_age(text) == age


@pytest.mark.parametrize("text", ["", "10", "m", "-1m", "1.5h", "10 m", "10w", "9999999d", "٣h"])
def test_what_is_no_age_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match="10m, 3h or 2d"):
        read_age(text)


@given(st.from_regex(r"[a-z.+]{1,9}@[a-z]{1,9}\.[a-z]{2,3}", fullmatch=True))
def test_no_filter_takes_an_address(address: str) -> None:
    """So none stands in a URL."""
    for read in (read_age, read_id, read_mask, read_reason):
        with pytest.raises(ValueError, match=r"\w"):
            read(address)


@pytest.mark.parametrize(
    ("notification", "is_it"),
    [
        (as_json(received("x7k2@masks.example")), True),
        (as_json(received("eve@masks.example", "X7K2+tag@Masks.Example")), True),
        (as_json(received("other@masks.example")), False),
        (as_json(bounce("a@b.example", source="x7k2@masks.example")), True),
        (as_json(bounce("a@b.example", source="r@s.example", tags={"mask": "random-7"})), True),
        (as_json(complaint("a@b.example", source="r@s.example", tags={"mask": "domain-7"})), False),
        ("{}", False),
        ("", False),
    ],
)
def test_a_notification_is_about_a_mask_or_not(notification: str, is_it: bool) -> None:
    assert is_about(notification, MASK) is is_it


def test_all_filters_must_hold() -> None:
    letter = a_letter(sqs_message_id="sqs-1")

    assert Filters().is_message(letter)
    assert Filters(sqs_message_id="sqs-1", mask=MASK).is_message(letter)
    assert not Filters(sqs_message_id="sqs-2", mask=MASK).is_message(letter)
    assert not Filters(reason="time_limit").is_reason(letter.reason)


def test_filters_are_described_without_the_masks_address() -> None:
    told = Filters(mask=MASK, reason="refused", older_than=timedelta(hours=1)).described()

    assert told == {"mask": "random-7", "reason": "refused", "older_than": "1:00:00"}
