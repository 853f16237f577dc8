"""Parsing addresses, and finding our own among the recipients."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emails.rules.addresses import (
    Address,
    MaskRecipient,
    RepliesRecipient,
    UnreadRecipient,
    domain_of,
    is_public,
    only_address_in,
    our_recipients,
    parse,
)
from tests.unit.emails.builders import POLICY

MASK = MaskRecipient(Address("x7k2", "masks.example"), None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ann@Owner.Example", "ann@owner.example"),
        (" ann@owner.example ", "ann@owner.example"),
        ('"ann"@owner.example', "ann@owner.example"),
        ('"odd local"@owner.example', "odd local@owner.example"),
        (r'"a\"b"@owner.example', 'a"b@owner.example'),
        ('"a@b"@owner.example', "a@b@owner.example"),
        ("o'neil_+x@owner.example", "o'neil_+x@owner.example"),
        ("ann@owner.example.", "ann@owner.example"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@BÜCHER.example", "ann@xn--bcher-kva.example"),
        ("ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"),
        # IDNA 2008: other domains than those that IDNA 2003 makes of them.
        ("ann@straße.example", "ann@xn--strae-oqa.example"),
        ("ann@STRASSE.example", "ann@strasse.example"),
        ("ann@faß.de", "ann@xn--fa-hia.de"),
        ("ann@βόλος.com", "ann@xn--nxasmm1c.com"),
        ("ann@\uff4fwner\u3002example", "ann@owner.example"),
        ("ann@under_score.example", "ann@under_score.example"),
        ("", None),
        ("ann", None),
        ("@owner.example", None),
        ('""@owner.example', None),
        ("ann@", None),
        ("ann@owner example", None),
        ("a\x00nn@owner.example", None),
        ("ann@owner\n.example", None),
        ("a\ud800@owner.example", None),
        ("ann@owner.example\xa0", None),
        ("\x85ann@owner.example", None),
        ("ann@" + "ü" * 300, None),
        ("a" * 400 + "@owner.example", None),
    ],
)
def test_an_address_is_normalised_or_rejected(text: str, expected: str | None) -> None:
    found = parse(text)

    assert (str(found) if found else None) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Ann <ann@owner.example>", "ann@owner.example"),
        ("ann@owner.example, bob@owner.example", None),
        ("Ann", None),
        ("", None),
        ("(" * 5_000 + "ann@owner.example", None),
    ],
)
def test_only_a_header_with_exactly_one_address_gives_one(value: str, expected: str | None) -> None:
    found = only_address_in(value)

    assert (str(found) if found else None) == expected


@given(st.text())
def test_parsing_any_text_is_safe_and_normalising_is_stable(text: str) -> None:
    found = parse(text)

    if found is not None:
        str(found).encode()
        assert found.local == found.local.lower()


@pytest.mark.parametrize(
    ("recipient", "expected"),
    [
        ("x7k2@masks.example", MASK),
        ("X7K2@MASKS.EXAMPLE", MASK),
        ("x7k2+shop@masks.example", MASK),
        ("+tag@masks.example", MaskRecipient(Address("+tag", "masks.example"), None)),
        ("x7k2@second.example", MaskRecipient(Address("x7k2", "second.example"), None)),
        (
            "shop@Ann.masks.example",
            MaskRecipient(Address("shop", "ann.masks.example"), "ann"),
        ),
        ("replies@masks.example", RepliesRecipient(Address("replies", "masks.example"))),
        ("Replies+X@masks.example", RepliesRecipient(Address("replies", "masks.example"), "x")),
        ("noreply@masks.example", UnreadRecipient(Address("noreply", "masks.example"))),
        ("no-reply@ann.masks.example", UnreadRecipient(Address("no-reply", "ann.masks.example"))),
        ("relay@masks.example", UnreadRecipient(Address("relay", "masks.example"))),
        ("replies@second.example", MaskRecipient(Address("replies", "second.example"), None)),
        # Lesson 4: neither substrings nor suffixes of our domains are ours.
        ("x7k2@sender.example", None),
        ("x7k2@notmasks.example", None),
        ("x7k2@masks.example.evil.example", None),
        ("x7k2@a.b.masks.example", None),
        ("x7k2@.masks.example", None),
        ("no address", None),
    ],
)
def test_a_recipient_is_ours_or_not(recipient: str, expected: object) -> None:
    assert our_recipients([recipient], POLICY) == (() if expected is None else (expected,))


def test_spellings_of_one_mask_are_one_recipient_and_the_order_is_kept() -> None:
    recipients = ["y@masks.example", "x7k2+a@masks.example", "X7K2@masks.example"]

    assert [str(one.address) for one in our_recipients(recipients, POLICY)] == [
        "y@masks.example",
        "x7k2@masks.example",
    ]


def test_a_replies_address_on_a_domain_of_its_own_is_found() -> None:
    from dataclasses import replace

    policy = replace(POLICY, replies_address="Answer@Replies.Example")

    assert our_recipients(["answer@replies.example"], policy) == (
        RepliesRecipient(Address("answer", "replies.example")),
    )


@pytest.mark.parametrize("text", ["", ".", " ", "a b", "owner.example\xa0", "ü" * 70])
def test_an_invalid_domain_is_rejected(text: str) -> None:
    assert domain_of(text) is None


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("ann@owner.example", True),
        ("ann@b\u00fccher.example", True),
        ("ann@owner.xn--p1ai", True),
        ("ann@localhost", False),
        ("ann@LOCALHOST.", False),
        ("ann@mail.localhost", False),
        ("ann@mail", False),
        ("ann@mail.local", False),
        ("ann@mail.internal", False),
        ("ann@127.0.0.1", False),
        ("ann@[127.0.0.1]", False),
        ("ann@[IPv6:::1]", False),
        ("ann@.example", False),
        ("ann@owner..example", False),
        ("ann@x.onion", False),
    ],
)
def test_a_host_of_a_local_network_is_nobodys_mailbox(address: str, expected: bool) -> None:
    parsed = parse(address)

    assert (parsed is not None and is_public(parsed)) is expected


@given(st.text())
def test_any_text_is_a_domain_in_ascii_or_none(text: str) -> None:
    found = domain_of(text)

    assert found is None or (found.isascii() or text.isascii())
    assert found is None or domain_of(found) == found
