"""Ways to write the owner's address, and what replaces them."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emails.mime.hide_owner import owner_replacer
from tests.unit.mime.builders import MASK
from tests.unit.mime.hostile import HOSTILE_HTML
from tests.unit.mime.readers import readings
from tests.unit.mime.spellings import OWNER, WRITTEN


@pytest.mark.parametrize("text", WRITTEN)
def test_no_reader_gets_to_see_the_address(text: str) -> None:
    hide = owner_replacer([OWNER], MASK)

    hidden = hide(f"<p>From: {text} to Bob")

    assert not any(OWNER in one for one in readings(hidden))
    assert "owner.example" not in "".join(readings(hidden)).replace(" ", "")
    local = MASK.partition("@")[0]
    assert local in hidden
    assert hide(hidden) == hidden


@given(st.data())
def test_the_address_is_hidden_however_its_characters_are_written(data: st.DataObject) -> None:
    gap = st.sampled_from(["", "", "", "<b>", "</b>", "\u200b", "&shy;", "<!-- x -->", "\n"])
    ways: list[Callable[[str], str]] = [
        str,
        lambda c: f"&#{ord(c)};",
        lambda c: f"%{ord(c):02X}",
        lambda c: f"&#x{ord(c):x};",
    ]
    written = "".join(
        data.draw(gap) + data.draw(st.sampled_from(ways))(character) for character in OWNER
    )

    hidden = owner_replacer([OWNER], MASK)(f"to {written}!")

    assert not any(OWNER in one for one in readings(hidden))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<p><b>ann</b>@owner.example</p>", f"<p><b>{MASK}</b></p>"),
        ("ann<wbr>@owner.example", MASK),
        ("ann<!-- x -->@owner.example", MASK),
        ("see\n> ann@\n> owner.example\n> bye", f"see\n> {MASK}\n> bye"),
        ("a &amp; ann@owner.example &lt;", f"a &amp; {MASK} &lt;"),
    ],
)
def test_the_rest_of_the_text_stays(text: str, expected: str) -> None:
    assert owner_replacer([OWNER], MASK)(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "joann@owner.example",
        "jo.ann@owner.example",
        "jo&#97;nn@owner.example",
        "ann@other.example",
        "ann, bob@owner.example",
        "ann+shop, bob@owner.example",
        "Ann <bob@owner.example>",
        "<b>ann</b> and <b>bob</b>@owner.example",
        "ann <x@y.example> @ home",
    ],
)
def test_what_is_no_address_of_the_owner_stays(text: str) -> None:
    assert owner_replacer([OWNER], MASK)(text) == text


@pytest.mark.parametrize("before", ["1", "2.", "a.", "(1)", "x=", "."])
def test_what_may_be_a_lists_number_makes_no_other_address(before: str) -> None:
    assert owner_replacer([OWNER], MASK)(before + OWNER) == before + MASK


@pytest.mark.parametrize("address", ["ann.smith@gmail.com", "annsmith@googlemail.com"])
@pytest.mark.parametrize("text", ["ann.smith@gmail.com", "a.nnsmith+x@googlemail.com"])
def test_at_gmail_dots_make_no_difference(address: str, text: str) -> None:
    assert owner_replacer([address], MASK)(text) == MASK


@pytest.mark.parametrize("text", ["ann@owner.example", "ann+work@owner.example"])
def test_an_address_with_a_tag_is_hidden_without_it_too(text: str) -> None:
    assert owner_replacer(["ann+home@owner.example"], MASK)(text) == MASK


@pytest.mark.parametrize("addresses", [[OWNER, f"{OWNER}.org"], [f"{OWNER}.org", OWNER]])
def test_the_longest_of_several_addresses_is_hidden_whole(addresses: list[str]) -> None:
    assert owner_replacer(addresses, MASK)(f"{OWNER}.org") == MASK


@pytest.mark.parametrize("address", ["ann@bücher.example", "ann@xn--bcher-kva.example"])
@pytest.mark.parametrize("text", ["ann@bücher.example", "ann@xn--bcher-kva.example"])
def test_an_international_domain_is_hidden_in_both_its_spellings(address: str, text: str) -> None:
    assert owner_replacer([address], MASK)(text) == MASK


@pytest.mark.parametrize("text", ["ann%40b%C3%BCcher.example", "ann@b&uuml;cher.example"])
def test_an_international_domain_is_hidden_though_it_is_escaped(text: str) -> None:
    assert "cher" not in owner_replacer(["ann@bücher.example"], MASK)(text)


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


_HOSTILE = HOSTILE_HTML | {
    repr(text): lambda size, text=text: text * (size // len(text))
    for text in (
        *("ann", "ann@", "ann+", "ann<b>", "@owner.example", "ann@owner.exampl", OWNER),
        *(
            "&#97;",
            "%61",
            "%25",
            "&amp;",
            "=61",
            "\\",
            " ",
            "\t \n",
            "\n> ",
            "\u200b",
            '"',
            "<!-- ",
        ),
    )
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", _HOSTILE)
def test_the_time_is_linear_in_the_size(name: str) -> None:
    """A megabyte takes less than a second; quadratic time would be hours, so the timeout tells."""
    owner_replacer([OWNER], MASK)(_HOSTILE[name](1 << 20))
