"""What anybody can send to the web process is read, or refused, and never fails."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.ledger.dead_letters import Place
from emails import admin_search
from emails.edges import held_links, note_links
from emails.edges.held_links import Expired, Forged
from relay.operations.dead_letters import filters, pages
from relay.operations.dead_letters.letter import DeadLetter
from relay.operations.login import _key_of
from tests.unit.operations.test_hostile_dead_letter import ANY_TEXT

NOW = datetime(2030, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
ANY_PIECE = st.text("0123456789abcdefABCDEF.:-_/%@+= \0\n") | ANY_TEXT


@pytest.mark.parametrize(
    "read", [filters.read_age, filters.read_reason, filters.read_mask, filters.read_id]
)
@given(text=ANY_PIECE)
def test_a_filter_is_read_or_refused(read: Callable[[str], object], text: str) -> None:
    with suppress(ValueError):
        read(text)


@given(ANY_PIECE)
def test_where_a_page_begins_is_read_or_ignored(text: str) -> None:
    place = pages._read_before(text)

    assert place is None or isinstance(place, Place)


@given(ANY_PIECE)
def test_an_id_that_has_a_page_fits_a_url(text: str) -> None:
    letter = DeadLetter(Place("inbound", text, 0), "", None)

    assert not letter.has_page or (text.isascii() and "/" not in text and "." not in text)


@given(ANY_TEXT)
def test_a_search_comes_back_and_stands_in_no_url(text: str) -> None:
    sealed = admin_search._seal(text)

    assert admin_search._open(sealed) == text.encode(errors="replace").decode()
    assert len(text) < 4 or text not in sealed


@given(ANY_PIECE | st.builds(lambda text: admin_search._seal("x")[:40] + text, ANY_PIECE))
def test_a_search_that_we_did_not_seal_is_none(text: str) -> None:
    assert admin_search._open(text) == ""


@given(
    ANY_PIECE | st.builds(lambda text: f"{held_links.make_link_token(1, 2, 'a')}{text}", ANY_PIECE)
)
def test_a_link_to_held_mails_is_ours_or_refused(text: str) -> None:
    try:
        link = held_links.read_link_token(text, DAY)
    except (Expired, Forged):
        return
    assert held_links.make_link_token(1, 2, "a").split(":")[0] == text.split(":")[0]
    assert (link.digest_id, link.owner_id) == (1, 2)


@given(ANY_PIECE)
def test_a_link_of_a_note_is_ours_or_refused(text: str) -> None:
    with pytest.raises((Expired, Forged)):
        note_links.read_link_token(text, DAY, NOW, b"secret")


@given(ANY_TEXT)
def test_any_name_can_be_tried_and_is_no_part_of_the_key(name: str) -> None:
    key = _key_of(name)

    assert key.isascii()
    assert len(key) == len(_key_of("staff"))
