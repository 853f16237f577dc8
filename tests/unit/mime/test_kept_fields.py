"""What a forwarded mail says about the original, and who gets the answer to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.mime.builders import MASK, OWNER, REPLIES, a_mail, forward, read


def field(name: str, mail: bytes, **plan: object) -> str | None:
    value = read(forward(mail, **plan).raw)[name]
    return None if value is None else " ".join(str(value).split())


@pytest.mark.parametrize("name", ["To", "Cc", "Sender"])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Carol <carol@elsewhere.example>, x7k2@masks.example", None),
        ("=?utf-8?q?Zo=C3=AB?= <zoe@elsewhere.example>", "Zoë <zoe@elsewhere.example>"),
        ("a" * 3_000, "a" * 2_000 + ", …"),
        ("undisclosed-recipients:;", None),
    ],
)
def test_who_else_got_the_mail_can_be_read(name: str, value: str, expected: str | None) -> None:
    mail = a_mail(**{name: value})

    assert field(f"X-Mail-Relay-Original-{name}", mail) == (expected or value)
    assert field("To", mail) == OWNER
    assert field("Cc", mail) is None
    assert field("Sender", mail) is None, "SES sends only for senders that it has verified"


def test_of_ten_thousand_recipients_whole_addresses_are_shown() -> None:
    everybody = ",\r\n ".join(f"r{number}@elsewhere.example" for number in range(10_000))

    shown = field("X-Mail-Relay-Original-To", a_mail(To=everybody))

    assert shown is not None
    assert shown.startswith("r0@elsewhere.example, r1@elsewhere.example")
    assert shown.endswith("@elsewhere.example, …")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("List-Id", "<dev.lists.example>", "<dev.lists.example>"),
        ("List-Id", '"The developers" <dev.lists.example>', "The developers <dev.lists.example>"),
        ("List-Id", "=?utf-8?q?Caf=C3=A9?= <c.example>", "Café <c.example>"),
        ("List-Id", "dev.lists.example", "<dev.lists.example>"),
        ("List-Id", "a b c", None),
        ("List-Post", "<https://lists.example/post>", "<https://lists.example/post>"),
        ("Precedence", "bulk", "bulk"),
        ("Precedence", "list", "list"),
        ("Importance", "High", "High"),
        ("Importance", "<b>", None),
        ("X-Priority", "1 (Highest)", "1"),
        ("X-Priority", "9", None),
        ("Priority", "urgent", "urgent"),
        ("X-MSMail-Priority", "Low", "Low"),
    ],
)
def test_what_filters_go_by_is_kept(name: str, value: str, expected: str | None) -> None:
    assert field(name, a_mail(**{name.replace("-", "_"): value})) == expected


def test_a_lists_address_can_be_read_but_no_program_offers_to_answer_it() -> None:
    """An answer there would come from the owner's real address."""
    mail = a_mail(List_Post="<mailto:dev@lists.example>")

    assert field("List-Post", mail) is None
    assert field("X-Mail-Relay-Original-List-Post", mail) == "<mailto:dev@lists.example>"


@pytest.mark.parametrize(
    ("sender", "expected"),
    [
        ("Bob <bob@sender.example>", "bob@sender.example"),
        ("bob+x@sender.example", "bob+x@sender.example"),
        ('"bob@sender.example"', None),
        ('"a b"@sender.example', None),
        ('"ann@owner.example"@sender.example', None),
        ("bob@b\u00fccher.example", None),
        ("", None),
    ],
)
def test_filters_find_the_authors_bare_address(sender: str, expected: str | None) -> None:
    assert field("Resent-From", a_mail(From=sender)) == expected


@pytest.mark.parametrize(
    ("reply_to", "correspondent", "expected"),
    [
        ("", "bob@sender.example", "Bob <bob@sender.example> [via Relay]"),
        ("Help <help@sender.example>", "help@sender.example", "Help <help@sender.example>"),
        ("help@sender.example", "help@sender.example", "help@sender.example [via Relay]"),
        ('"eve@e.example" <help@sender.example>', "help@sender.example", "help@sender.example"),
        ("", "other@sender.example", "other@sender.example [via Relay]"),
        ("", "", ""),
        (f"{'x' * 400} <help@sender.example>", "help@sender.example", "help@sender.example"),
    ],
)
def test_the_answer_is_addressed_to_who_gets_it(
    reply_to: str, correspondent: str, expected: str
) -> None:
    mail = a_mail(**({"Reply_To": reply_to} if reply_to else {}))

    (address,) = read(forward(mail, correspondent=correspondent).raw)["Reply-To"].addresses

    assert address.addr_spec == REPLIES
    assert expected in address.display_name
    assert "eve" not in address.display_name
    assert bool(expected) == bool(address.display_name)


@pytest.mark.parametrize(
    ("value", "url", "expected"),
    [
        ("<mailto:u@lists.example>", "https://relay.example/u", "<https://relay.example/u>"),
        ("<mailto:u@lists.example>", "", None),
        ("<mailto:u@l.example>, <https://l.example/>", "https://r.example", "<https://l.example/>"),
        ("", "https://relay.example/u", None),
    ],
)
def test_a_list_that_is_left_by_mail_is_left_through_us(
    value: str, url: str, expected: str | None
) -> None:
    """A mail there would come from the owner's real address."""
    mail = a_mail(List_Unsubscribe=value)

    assert field("List-Unsubscribe", mail, make_unsubscribe_url=lambda: url) == expected
    is_ours = expected is not None and expected == f"<{url}>"
    one_click = "List-Unsubscribe=One-Click" if is_ours else None
    assert field("List-Unsubscribe-Post", mail, make_unsubscribe_url=lambda: url) == one_click


def test_only_our_own_authentication_results_are_forwarded() -> None:
    mail = a_mail(
        "Authentication-Results: masks.example; dmarc=pass",
        "ARC-Authentication-Results: i=1; masks.example; dmarc=pass",
        "DKIM-Signature: v=1",
    )
    ours = ("masks.example", "dmarc=fail header.from=sender.example", "spf=none")

    sent = read(forward(mail, authentication=ours).raw)

    assert sent.get_all("Authentication-Results") == [
        "masks.example; dmarc=fail header.from=sender.example; spf=none"
    ]
    assert sent["ARC-Authentication-Results"] is None
    assert field("Authentication-Results", mail) is None


@given(value=st.text(), name=st.sampled_from(["To", "Cc", "Sender", "List-Id", "Precedence"]))
def test_no_value_can_add_a_field(value: str, name: str) -> None:
    mail = a_mail(**{name.replace("-", "_"): f"{value}\r\nBcc: {MASK}\r\n x: y"})

    sent = read(forward(mail, correspondent=f"a@b\r\nBcc: {MASK}").raw)

    assert sent["Bcc"] is None
    assert len(sent.get_all("To") or []) == 1
