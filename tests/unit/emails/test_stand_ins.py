"""Addresses of ours that stand for the organizers of meetings."""

import pytest

from emails.rules.addresses import RepliesRecipient, our_recipients
from emails.rules.stand_ins import stand_in, token_for
from tests.unit.emails.builders import POLICY

SECRET, MASK, BOB = b"a secret", "x7k2@masks.example", "bob@sender.example"


def test_an_organizer_has_the_same_token_in_every_mail_however_they_are_written() -> None:
    token = token_for(BOB, MASK, SECRET)

    assert token == token_for("BOB@Sender.Example", MASK.upper(), SECRET)
    assert token is not None
    assert len(token) == 26


@pytest.mark.parametrize(
    ("organizer", "mask", "secret"),
    [
        ("bob+x@sender.example", MASK, SECRET),
        (BOB, "y7k2@masks.example", SECRET),
        (BOB, MASK, b"another"),
    ],
)
def test_a_token_belongs_to_one_organizer_mask_and_secret(
    organizer: str, mask: str, secret: bytes
) -> None:
    assert token_for(organizer, mask, secret) != token_for(BOB, MASK, SECRET)


@pytest.mark.parametrize("organizer", ["", "bob", "@sender.example", "b\u00f6b@sender.example"])
def test_an_organizer_who_cannot_be_written_to_has_none(organizer: str) -> None:
    assert token_for(organizer, MASK, SECRET) is None


def test_the_address_leads_back_to_its_token() -> None:
    token = token_for(BOB, MASK, SECRET) or ""
    address = stand_in(token, POLICY.replies_address)

    (recipient,) = our_recipients([address.upper()], POLICY)

    assert isinstance(recipient, RepliesRecipient)
    assert (recipient.token, recipient.tagged) == (token, address)


@pytest.mark.parametrize(("local", "fits"), [("r" * 37, True), ("r" * 38, False)])
def test_an_address_is_no_longer_than_servers_accept(local: str, fits: bool) -> None:
    assert bool(stand_in("t" * 26, f"{local}@masks.example")) is fits
