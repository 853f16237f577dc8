"""Reading address fields: one reader for the sender we show, check and reply to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emails.mime import author_label
from emails.rules.addresses import only_address_in
from emails.rules.senders import sender_of
from emails.rules.threads import thread_of
from emails.values.addresses import MAX_VALUE, Mailbox, read_mailboxes
from tests.unit.emails.builders import a_mail

ANN = "ann@owner.example"

ONE_PERSON = [
    # Valid by RFC 5322.
    (ANN, "", ANN),
    (f"<{ANN}>", "", ANN),
    (f"Ann <{ANN}>", "Ann", ANN),
    (f'"Smith, Ann" <{ANN}>', "Smith, Ann", ANN),
    (rf'"Ann \"A\" Smith" <{ANN}>', 'Ann "A" Smith', ANN),
    (f'"Ann" Smith <{ANN}>', "Ann Smith", ANN),
    (f"{ANN} (Ann)", "Ann", ANN),
    (f"Ann <{ANN}> (at work)", "Ann", ANN),
    (f"Ann (the (one) with \\) in it) <{ANN}>", "Ann", ANN),
    ("ann (here) @ (there) owner.example", "herethere", ANN),
    (f"Ann <(c){ANN}(c)>", "Ann", ANN),
    ("ann @ owner.example", "", ANN),
    ("Ann < ann @ owner.example >", "Ann", ANN),
    (f"Ann <@one.example,@two.example:{ANN}>", "Ann", ANN),
    (f"Friends: Ann <{ANN}>;", "Ann", ANN),
    ('"a b"@owner.example', "", '"a b"@owner.example'),
    (r'Ann <"a\"b"@owner.example>', "Ann", r'"a\"b"@owner.example'),
    ('"a@b"@owner.example', "", '"a@b"@owner.example'),
    ("ann@[192.0.2.1]", "", "ann@[192.0.2.1]"),
    ("ann@[IPv6:2001:db8::1]", "", "ann@[IPv6:2001:db8::1]"),
    ("ann+a=b.example@owner.example", "", "ann+a=b.example@owner.example"),
    (f"Ann\r\n\t<{ANN}>", "Ann", ANN),
    # Invalid, but written by mail programs.
    (f"{ANN} <{ANN}>", ANN, ANN),
    (f'"{ANN}" <{ANN}>', ANN, ANN),
    (f"'{ANN}' <{ANN}>", f"'{ANN}'", ANN),
    (f"other@elsewhere.example <{ANN}>", "other@elsewhere.example", ANN),
    (f"Jane @ Example <{ANN}>", "Jane @ Example", ANN),
    (f"A. N. Smith <{ANN}>", "A. N. Smith", ANN),
    (f"Ann [work] <{ANN}>", "Ann [work]", ANN),
    (f"Ann {ANN}", "Ann", ANN),
    (f"<{ANN}> Ann", "Ann", ANN),
    (f"Ann <<{ANN}>>", "Ann", ANN),
    (f"Ann <{ANN}", "Ann", ANN),
    (f"Ann <{ANN}>>", "Ann", ANN),
    (f"Ann <mailto:{ANN}>", "Ann", ANN),
    (f"mailto:{ANN}", "", ANN),
    (f"{ANN} <>", "", ANN),
    (f", {ANN},;", "", ANN),
    (f"{ANN}\r\nBcc: eve@evil.example", "", ANN),
    (f"=?utf-8?q?Smith,_Ann?= <{ANN}>", "=?utf-8?q?Smith,_Ann?=", ANN),
    (f'"=?utf-8?q?Smith,_Ann?=" <{ANN}>', "=?utf-8?q?Smith,_Ann?=", ANN),
    (f'=?utf-8?q?"Smith,_Ann"?= <{ANN}>', "=?utf-8?q?Smith,_Ann?=", ANN),
    (f"=?utf-8?q?eve@evil.example?= <{ANN}>", "=?utf-8?q?eve@evil.example?=", ANN),
    (f"Zo\xeb <{ANN}>", "Zo\xeb", ANN),
    (f"{ANN} (Ann", "Ann", ANN),
]


@pytest.mark.parametrize(("value", "name", "address"), ONE_PERSON)
def test_one_mailbox_is_read(value: str, name: str, address: str) -> None:
    assert read_mailboxes(value) == (Mailbox(name, address),)


@pytest.mark.parametrize(("value", "_name", "address"), ONE_PERSON)
def test_the_sender_shown_is_the_sender_judged_and_answered(
    value: str, _name: str, address: str
) -> None:
    shown = author_label.authors(value.encode("latin-1"))
    judged = sender_of(a_mail({"From": value}))
    thread = thread_of(a_mail({"From": value}, source="bounce@mailer.example"))

    assert [box.address for box in shown] == [address]
    assert judged is not None
    assert judged == only_address_in(address)
    assert thread is not None
    assert thread.correspondent == address


@pytest.mark.parametrize("letter", ["à", "Å"])
@pytest.mark.parametrize(
    ("value", "local"),
    [
        ("Citt{0} <info@citt{0}.example>", "info"),
        ("info@citt{0}.example (Citt{0})", "info"),
        ("Citt{0} <{0}@citt{0}.example>", "{0}"),
    ],
)
def test_a_utf_8_address_is_shown_whole(value: str, local: str, letter: str) -> None:
    """As Latin-1, the second octet of these letters is whitespace to Python: 0xA0, 0x85."""
    (author,) = author_label.authors(value.format(letter).encode())

    expected = f"Citt{{0}} <{local}@citt{{0}}.example>"
    assert author_label.label(author) == expected.format(letter)


@pytest.mark.parametrize("space", ["\xa0", "\x85", "\u2003"])
def test_an_address_with_a_space_that_no_field_has_is_not_the_one_without(space: str) -> None:
    for value in (f"<{ANN}{space}>", f"<{space}{ANN}>", ANN + space, space + ANN):
        assert sender_of(a_mail({"From": value})) is None


@pytest.mark.parametrize(
    ("value", "addresses"),
    [
        ("a@x.example, b@y.example", ["a@x.example", "b@y.example"]),
        ("A <a@x.example>; B <b@y.example>", ["a@x.example", "b@y.example"]),
        ("<a@x.example> <b@y.example>", ["a@x.example", "b@y.example"]),
        ("<a@x.example<b@y.example>>", ["a@x.example", "b@y.example"]),
        ("<a@x.example b@y.example>", ["a@x.example", "b@y.example"]),
        ("<a@x.example:b@y.example>", ["a@x.example", "b@y.example"]),
        ("a@x.example: b@y.example;", ["a@x.example", "b@y.example"]),
        ("a@x.example b@y.example", ["a@x.example", "b@y.example"]),
        ("<a@x.example> b@y.example", ["a@x.example", "b@y.example"]),
        ("A <a@x.example, B <b@y.example>", ["a@x.example", "b@y.example"]),
        ("Friends: a@x.example, b@y.example;", ["a@x.example", "b@y.example"]),
        ("a@x.example (and <b@y.example>", ["a@x.example", "b@y.example"]),
        ('A <a@x.example>, "B <b@y.example>', ["a@x.example", "b@y.example"]),
        ("A <a@x.example>, A <a@x.example>", ["a@x.example", "a@x.example"]),
    ],
)
def test_several_stay_several_and_nobody_is_the_sender(value: str, addresses: list[str]) -> None:
    assert [box.address for box in read_mailboxes(value) if box.address] == addresses
    assert sender_of(a_mail({"From": value})) is None


@pytest.mark.parametrize(
    "value",
    [
        f'"Ann <{ANN}>',
        f"(Ann {ANN}",
        f"({ANN})",
        f'"{ANN}"',
        f"=?utf-8?q?Ann_=3C{ANN.replace('@', '=40')}=3E?=",
        "=?utf-8?b?QW5uIDxhbm5Ab3duZXIuZXhhbXBsZT4=?=",
        f"=?utf-8?q?{ANN}?=",
        "(" * 5_000 + ANN,
        ":" * 5_000 + ANN,
        f"Friends: more friends: {ANN}",
        f"<{ANN} .evil.example>",
        f"<{ANN} ann>",
        f'<"Ann" {ANN}>',
    ],
)
def test_a_misplaced_address_is_shown_and_answered_but_proves_nothing(value: str) -> None:
    assert read_mailboxes(value) == (Mailbox("", ANN, is_guess=True),)
    assert sender_of(a_mail({"From": value})) is None
    thread = thread_of(a_mail({"From": value}, source="bounce@mailer.example"))
    assert thread is not None
    assert thread.correspondent == ANN


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("", []),
        ("undisclosed-recipients:;", []),
        ("Ann", ["Ann"]),
        ("(Ann)", ["Ann"]),
        ("Ann <ann>", ["Ann"]),
        ("<ann>", ["ann"]),
        ("@", ["@"]),
        ("ann@", ["ann@"]),
        ("@owner.example", ["@owner.example"]),
        ("a:" * 5_000, []),
        ("=?utf-8?b?A?=", ["=?utf-8?b?A?="]),
    ],
)
def test_a_field_without_an_address_gives_none(value: str, names: list[str]) -> None:
    assert list(read_mailboxes(value)) == [Mailbox(name, "") for name in names]


def test_a_truncated_address_at_the_limit_is_not_used() -> None:
    value = f"{ANN}, " + "x" * (MAX_VALUE - len(ANN) - 6) + "@y.example"

    assert [box.address for box in read_mailboxes(value)] == [ANN, ""]
    assert sender_of(a_mail({"From": value})) is None


@given(st.text(st.sampled_from('<>()"\\@,;:[]=?q. \r\nab\xe9'), max_size=80))
def test_any_text_is_read_and_an_address_has_two_sides(value: str) -> None:
    boxes = read_mailboxes(value)

    assert all(box.name or box.address for box in boxes)
    assert all(box.address.strip("@").count("@") >= 1 for box in boxes if box.address)
