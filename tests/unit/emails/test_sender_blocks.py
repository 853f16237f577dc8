"""Which senders a block applies to: as a table."""

import pytest

from emails.rules.forward import Forward, decide
from emails.rules.sender_blocks import Sender, SenderKind, read_sender, sender_to_block, senders_of
from emails.values.facts import Verdict
from emails.values.outcomes import Blocked, BlockReason, Dropped, DropReason
from tests.unit.emails.builders import (
    NOW,
    POLICY,
    a_creatable_mask,
    a_found_mask,
    a_mail,
)

READ = [
    ("bob@shop.example", "address", "bob@shop.example"),
    (" Bob@Shop.Example. ", "address", "bob@shop.example"),
    ('"bob"@shop.example', "address", "bob@shop.example"),
    ("bob@münchen.example", "address", "bob@xn--mnchen-3ya.example"),
    ("shop.example", "domain", "shop.example"),
    ("@Shop.Example", "domain", "shop.example"),
    ("MÜNCHEN.example", "domain", "xn--mnchen-3ya.example"),
]


@pytest.mark.parametrize(("text", "kind", "normal"), READ)
def test_what_somebody_asks_to_block_is_normalised(text: str, kind: str, normal: str) -> None:
    assert read_sender(text) == Sender(SenderKind(kind), normal)


@pytest.mark.parametrize("text", ["", "example", "@", "bob@", "a b", "shop..example", ".example"])
def test_what_is_no_sender_can_not_be_blocked(text: str) -> None:
    assert read_sender(text) is None


MATCHES = [
    # `From`, what is blocked, is the mail blocked?
    ("Bob <bob@shop.example>", "bob@shop.example", True),
    ("BOB@SHOP.EXAMPLE", "bob@shop.example", True),
    ("bob+news@shop.example", "bob@shop.example", True),
    ("bob@shop.example", "bob+news@shop.example", False),
    ("bob+news@shop.example", "bob+news@shop.example", True),
    ("bob@shop.example", "shop.example", True),
    ("bob@mail.eu.shop.example", "shop.example", True),
    ("bob@notshop.example", "shop.example", False),
    ("bob@example", "shop.example", False),
    ("bob@münchen.example", "xn--mnchen-3ya.example", True),
    ("bob@xn--mnchen-3ya.example", "münchen.example", True),
    ("Ann <ann@a.example>, Bob <bob@shop.example>", "bob@shop.example", True),
    # A display name is not the sender.
    ('"bob@shop.example" <eve@evil.example>', "bob@shop.example", False),
    ('"shop.example" <eve@evil.example>', "shop.example", False),
    ("bob@shop.example <eve@evil.example>", "evil.example", True),
    ("nobody", "shop.example", False),
    ("", "shop.example", False),
]


@pytest.mark.parametrize(("author", "blocked", "is_blocked"), MATCHES)
def test_whom_a_block_applies_to(author: str, blocked: str, is_blocked: bool) -> None:
    assert (read_sender(blocked) in senders_of(a_mail({"From": author}))) is is_blocked


@pytest.mark.parametrize(
    ("author", "text"),
    [
        ("Bob <Bob+1@shop.example>", "bob@shop.example"),
        ("ann@a.example, bob@shop.example", None),
        ("nobody", None),
    ],
)
def test_a_mails_sender_is_blocked_with_all_its_tags(author: str, text: str | None) -> None:
    found = sender_to_block(a_mail({"From": author}))

    assert (found.text if found else None) == text


@pytest.mark.parametrize("target", [a_found_mask(), a_creatable_mask()])
def test_a_blocked_senders_mail_is_blocked_and_creates_no_mask(target: object) -> None:
    mail = a_mail(spam=Verdict.FAIL)

    decision = decide(mail, target, POLICY, NOW, is_from_blocked_sender=True)  # type: ignore[arg-type]

    assert decision == Blocked(BlockReason.BLOCKS_SENDER)
    assert isinstance(decide(mail, target, POLICY, NOW), Forward)  # type: ignore[arg-type]


def test_a_blocked_senders_virus_is_a_virus() -> None:
    mail = a_mail(virus=Verdict.FAIL)

    decision = decide(mail, a_found_mask(), POLICY, NOW, is_from_blocked_sender=True)

    assert decision == Dropped(DropReason.VIRUS)
