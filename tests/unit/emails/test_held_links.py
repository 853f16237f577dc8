"""Links and forms of the owner's pages: what they name, and when they are refused."""

import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.core import signing
from django.test import override_settings

from emails.edges.held_links import (
    Expired,
    Forged,
    HeldLink,
    check_form_token,
    make_form_token,
    make_link_token,
    read_link_token,
)

MONTH = timedelta(days=30)
ADDRESS = "ann@owner.example"
TOKEN = make_link_token(7, 12, ADDRESS)


def test_a_link_names_its_digest_and_owner_and_knows_its_address() -> None:
    link = read_link_token(TOKEN, MONTH)

    assert (link.digest_id, link.owner_id) == (7, 12)
    assert link.is_for("Ann@Owner.example")
    assert not link.is_for("other@owner.example")


def test_a_link_says_nothing_but_ids() -> None:
    payload = signing.b64_decode(TOKEN.partition(":")[0].encode())

    assert b"@" not in payload
    assert b"owner" not in payload
    assert len(TOKEN) < 120


def test_a_link_that_was_changed_is_refused() -> None:
    for position, character in enumerate(TOKEN):
        changed = "A" if character != "A" else "B"
        with pytest.raises(Forged):
            read_link_token(TOKEN[:position] + changed + TOKEN[position + 1 :], MONTH)


def test_what_is_no_token_is_refused() -> None:
    for text in ("", ":", "a:b:c", "\u00e4", TOKEN[:-1], TOKEN + "A"):
        with pytest.raises(Forged):
            read_link_token(text, MONTH)


def test_an_old_link_has_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    later = time.time() + MONTH.total_seconds() + 1
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(Expired):
        read_link_token(TOKEN, MONTH)


def test_another_kind_of_token_is_no_link() -> None:
    link = HeldLink(7, 12, "0" * 16)
    for token in (make_form_token(link, 3), signing.dumps([7, 12, "0" * 16])):
        with pytest.raises(Forged):
            read_link_token(token, MONTH)


def test_a_form_is_for_its_own_mail_owner_and_digest_only() -> None:
    link = HeldLink(7, 12, "")
    form = make_form_token(link, 3)

    check_form_token(form, link, 3)
    others: list[tuple[HeldLink, int | str]] = [
        (link, 4),
        (link, "all"),
        (link, "3"),
        (HeldLink(7, 13, ""), 3),
    ]
    for other, about in others:
        with pytest.raises(Forged):
            check_form_token(form, other, about)
    with pytest.raises(Forged):
        check_form_token(TOKEN, link, 3)


def test_a_form_expires_within_days(monkeypatch: pytest.MonkeyPatch) -> None:
    link = HeldLink(7, 12, "")
    form, later = make_form_token(link, 3), time.time() + 2 * 86_400
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(Expired):
        check_form_token(form, link, 3)


def test_a_link_outlives_a_new_secret_key_as_long_as_the_old_one_is_named() -> None:
    with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        assert read_link_token(TOKEN, MONTH).digest_id == 7
    with override_settings(SECRET_KEY="new"), pytest.raises(Forged):
        read_link_token(TOKEN, MONTH)
