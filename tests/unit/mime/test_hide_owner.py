"""Spellings of the owner's address, and what replaces them."""

import pytest

from emails.mime.hide_owner import owner_replacer
from tests.unit.mime.builders import MASK

OWNER = "ann@owner.example"


@pytest.mark.parametrize(
    "text",
    [
        "ann<wbr>@owner.example",
        "ann@<wbr/>owner<wbr />.example",
        "ann&shy;@owner&#8203;.example",
        "ann\u200b@owner.\u00adexample",
    ],
)
def test_an_address_that_may_break_over_two_lines_is_hidden(text: str) -> None:
    assert owner_replacer([OWNER], MASK)(f"to {text}!") == f"to {MASK}!"


@pytest.mark.parametrize("addresses", [[OWNER, f"{OWNER}.org"], [f"{OWNER}.org", OWNER]])
def test_the_longest_of_several_addresses_is_hidden_whole(addresses: list[str]) -> None:
    assert owner_replacer(addresses, MASK)(f"{OWNER}.org") == MASK


@pytest.mark.parametrize("address", ["ann@bücher.example", "ann@xn--bcher-kva.example"])
@pytest.mark.parametrize("text", ["ann@bücher.example", "ann@xn--bcher-kva.example"])
def test_an_international_domain_is_hidden_in_both_its_spellings(address: str, text: str) -> None:
    assert owner_replacer([address], MASK)(text) == MASK


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("?to=ann%40owner.example", "?to=a&b%40masks.example"),
        ("?to=ann%2540owner.example", "?to=a&b%2540masks.example"),
        ("ann&#64;owner.example", "a&amp;b@masks.example"),
        ("ann@owner.example", "a&b@masks.example"),
    ],
)
def test_the_mask_is_spelled_as_the_address_was(text: str, expected: str) -> None:
    """Links still work, and the mask is escaped in HTML."""
    assert owner_replacer([OWNER], "a&b@masks.example")(text) == expected
