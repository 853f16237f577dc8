"""A large reply is searched window by window, and nothing at a window's edge is missed."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emails.mime import windows
from emails.mime.hide_owner import owner_replacer
from emails.mime.windows import find_all, replace_all
from tests.unit.mime.builders import MASK, OWNER

FORMS = {
    "plain": OWNER,
    "with another tag": OWNER.replace("+home", "+" + "x" * 60),
    "quoted": OWNER.replace("ann.real+home", '"ann.real+home"'),
    "percent-encoded": "".join(f"%{ord(one):02x}" for one in OWNER),
    "as references": "".join(f"&#{ord(one)};" for one in OWNER),
    "divided by tags": OWNER.replace(".", "<b>.</b>").replace("@", "<wbr>@<!-- x -->"),
    "over two lines": OWNER.replace("@", "\r\n  @"),
}
EDGES = (1 << 17, 1 << 18)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("edge", EDGES)
def test_an_address_at_the_edge_of_a_window_is_replaced(form: str, edge: int) -> None:
    hide = owner_replacer([OWNER], MASK)
    written = FORMS[form]
    for before in (1, len(written) // 2, len(written)):
        head, tail = "x," * ((edge - before) // 2), " x<" + "y," * (1 << 16)

        hidden = hide(head + written + tail)

        assert hidden.replace("%40", "@").count(MASK) == 1
        assert hidden.startswith(head)
        assert hidden.endswith(tail)


def test_many_addresses_side_by_side_are_all_replaced() -> None:
    hide = owner_replacer([OWNER, "b@owner.example"], MASK)
    text = f"{OWNER},b@owner.example;" * 20_000

    assert hide(text) == f"{MASK},{MASK};" * 20_000


def test_the_longer_of_two_domains_is_found_whole() -> None:
    hide = owner_replacer(["a.very.long.name@o.example", "a@o.example.org"], MASK)

    assert hide("a@o.example.org, a.very.long.name@o.example") == f"{MASK}, {MASK}"


WORDS = re.compile(r"a{1,3}b|c(?=d)|\be|d{1,4}")


@given(st.text("abcde ", max_size=60), st.integers(min_value=1, max_value=9))
def test_windows_find_what_a_single_search_finds(text: str, size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "_WINDOW", size)

        found = [one.span() for one in find_all(WORDS, text, longest=5)]
        replaced = replace_all(WORDS, lambda one: one[0].upper(), text, longest=5)

    assert found == [one.span() for one in WORDS.finditer(text)]
    assert replaced == WORDS.sub(lambda one: one[0].upper(), text)
