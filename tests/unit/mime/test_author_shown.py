"""Who a forwarded mail shows as its author: nobody who is merely named in the field."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emails.mime.rewrite_forward import rewrite_forward
from tests.unit.mime.builders import FORWARD, MASK, a_mail, read

EVIL = "evil@e.example"
BANK = "service@bank.example"
UNKNOWN = "unknown sender"


def shown(value: str, *head: str) -> str:
    """Return the display name, without our own words in it."""
    raw = rewrite_forward(a_mail(*head, From=value), FORWARD).raw
    (sender,) = read(raw)["From"].addresses
    assert sender.addr_spec == MASK
    # Python leaves two blanks between encoded words.
    return " ".join(str(sender.display_name).split()).removesuffix(" [via Relay]")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # An address that stands in quotes, in a comment or in an encoded word is not the author.
        (f'"{BANK}", <{EVIL}>', EVIL),
        (f'"{BANK}" <>, {EVIL}', EVIL),
        (f'"{BANK}" <{EVIL}>', EVIL),
        (f'"{BANK}" {EVIL}', EVIL),
        (f'"{BANK}":{EVIL};', EVIL),
        (f'"<{BANK}>" <{EVIL}>', EVIL),
        (f"({BANK}) <{EVIL}>", EVIL),
        (f"{EVIL} ({BANK})", EVIL),
        (f"=?utf-8?q?service=40bank=2Eexample?=,<{EVIL}>", EVIL),
        (f"=?utf-8?q?service=40bank=2Eexample?= <{EVIL}>", EVIL),
        (f"=?utf-8?b?c2VydmljZUBiYW5rLmV4YW1wbGU=?= <{EVIL}>", EVIL),
        (f'"{BANK}"', UNKNOWN),
        (f'"Bank <{BANK}>"', UNKNOWN),
        (f"({BANK})", UNKNOWN),
        ("=?utf-8?q?service=40bank=2Eexample?=", UNKNOWN),
        (f'"{BANK}', UNKNOWN),
        (f'"{BANK}\\" <{EVIL}>', UNKNOWN),
        (f"<{BANK} .e.example>", UNKNOWN),
        # A local part that holds an address.
        (f'"a" <"{BANK}"@e.example>', "a <e.example>"),
        (f'"{BANK}"@e.example', "e.example"),
        (f'"Bank <{BANK}> "@e.example', "e.example"),
        (f"{BANK}%e.example@e.example", "e.example"),
        # A name that is an address.
        (f"{BANK} <{EVIL}>", EVIL),
        (f"'{BANK}' <{EVIL}>", EVIL),
        (f"service\uff20bank.example <{EVIL}>", EVIL),
        (f"service\ufe6bbank.example <{EVIL}>", EVIL),
        (f"service @ bank.example <{EVIL}>", EVIL),
        # A name that is a domain.
        (f'"bank.example" <{EVIL}>', f"bank. example <{EVIL}>"),
        (f"The www.bank.example team <{EVIL}>", f"The www. bank. example team <{EVIL}>"),
        (f'"https://bank.example/login" <{EVIL}>', f"https://bank. example/login <{EVIL}>"),
        (f"bank\u3002example <{EVIL}>", f"bank\u3002 example <{EVIL}>"),
        (f"bank\uff0eexample <{EVIL}>", f"bank\uff0e example <{EVIL}>"),
        (f"bank\u2024example <{EVIL}>", f"bank\u2024 example <{EVIL}>"),
        (f"bank.\u200dexample <{EVIL}>", f"bank. \u200dexample <{EVIL}>"),
        (f"=?utf-8?q?bank=2Eexample?= <{EVIL}>", f"bank. example <{EVIL}>"),
        (f"mybank.example <{EVIL}>", f"mybank. example <{EVIL}>"),
        ("ample <ample@e.example>", "ample <ample@e.example>"),
        (f"xe.example <{EVIL}>", f"xe. example <{EVIL}>"),
        # Honest names.
        ("Shop.example <news@mail.shop.example>", "Shop.example <news@mail.shop.example>"),
        ("(Shop.example) News <a@shop.example>", "News <a@shop.example>"),
        ("Ann B. Smith <ann@x.example>", "Ann B. Smith <ann@x.example>"),
        ("A.N.Smith <ann@x.example>", "A. N. Smith <ann@x.example>"),
        ("Version 3.11 <ann@x.example>", "Version 3.11 <ann@x.example>"),
        ("Wait... <ann@x.example>", "Wait... <ann@x.example>"),
        ("Zo\xeb <zoe@x.example>", "Zo\xeb <zoe@x.example>"),
    ],
)
def test_the_author_shown_is_the_author(value: str, expected: str) -> None:
    assert shown(value) == expected


def test_a_sender_that_is_an_address_goes_before_a_quoted_one() -> None:
    assert shown(f'"{BANK}"', f"Sender: {EVIL}") == EVIL


_LETTERS = "ab.,:;-_@=?()<> \u3002\uff0e\uff61\u2024\uff20\ufe6b\u200b\u200d\u202e"
_DOMAIN = re.compile("\\S[.\u3002\uff0e\uff61\u2024][^\\s.\u3002\uff0e\uff61\u2024]")


@given(name=st.text(st.sampled_from(_LETTERS), max_size=20))
def test_no_name_looks_like_an_address_or_a_domain(name: str) -> None:
    text = shown(f'"{name}" <{EVIL}>')

    assert text.endswith((EVIL, f"<{EVIL}>"))
    before = text.removesuffix(f"<{EVIL}>").removesuffix(EVIL)
    assert "@" not in before
    assert _DOMAIN.search(before) is None
