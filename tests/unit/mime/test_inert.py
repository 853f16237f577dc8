"""Strangers' text among our own words: one bounded line, nothing hidden, nothing a link."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emails.mime.inert import MAX_NAME, MAX_SUBJECT, author_in, inert, subject_in
from emails.mime.structure import Part, split
from emails.values.digests import Author

OURS = ("masks.example",)
# What mail programs make links of, roughly: more than they do.
LINK = re.compile(r"(?:\w+://|www\.|\w@|\w\.)\w", re.IGNORECASE)


def read(text: str) -> str:
    return text.replace("\u200b", "")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Hello", "Hello"),
        ("Visit http://evil.example/x now", "Visit http://evil.example/x now"),
        ("a\r\nBcc: x", "a Bcc: x"),
        ("safe\u202egnp.exe", "safe gnp.exe"),
        ("\u2066a\u2069\u200b\u00ad\ufeffb", "a b"),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
        ("\u05e9\u05dc\u05d5\u05dd", "\u05e9\u05dc\u05d5\u05dd"),
        ("", ""),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert read(inert(text, 100)) == shown
    assert not LINK.search(inert(text, 100))


@pytest.mark.hypothesis
@given(st.text(max_size=400))
def test_any_text_is_one_bounded_visible_line_without_links(text: str) -> None:
    shown = inert(text, 50)

    assert len(read(shown)) <= 50
    assert read(shown).isprintable()
    assert not LINK.search(shown)


def headers(**fields: str) -> Part:
    written = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return split(f"{written}\r\n".encode())


@pytest.mark.parametrize(
    ("field", "name", "address"),
    [
        ("Bob <bob@shop.example>", "Bob", "bob@shop.example"),
        ("bob@shop.example", "", "bob@shop.example"),
        ('"service@bank.example" <eve@evil.example>', "", "eve@evil.example"),
        ('"service\uff20bank.example" <eve@evil.example>', "", "eve@evil.example"),
        ("=?utf-8?q?service=40bank?= <eve@evil.example>", "", "eve@evil.example"),
        ("Team of masks.example <eve@evil.example>", "", "eve@evil.example"),
        ("=?utf-8?b?SsO8cmdlbg==?= <j@shop.example>", "Jürgen", "j@shop.example"),
        ("Jürgen <j@bücher.example>", "Jürgen", "j@bücher.example"),
        ("\u202eBob <bob@shop.example>", "Bob", "bob@shop.example"),
    ],
)
def test_who_a_mail_says_it_is_from(field: str, name: str, address: str) -> None:
    author = author_in(headers(From=field), OURS, is_verified=True)

    assert author is not None
    assert (read(author.name), read(author.address)) == (name, address)
    assert not LINK.search(author.name + " " + author.address)


@pytest.mark.parametrize("field", ["", "nobody", "a@a.example, b@b.example"])
def test_a_mail_without_one_author_is_unclear(field: str) -> None:
    assert author_in(headers(From=field), OURS, is_verified=True) is None


@pytest.mark.parametrize(
    ("host", "is_verified", "is_posing"),
    [
        ("masks.example", False, True),
        ("ann.masks.example", False, True),
        ("masks.example", True, False),
        ("notmasks.example", False, False),
    ],
)
def test_only_who_is_not_proven_poses_as_us(host: str, is_verified: bool, is_posing: bool) -> None:
    author = author_in(headers(From=f"a@{host}"), OURS, is_verified=is_verified)

    assert isinstance(author, Author)
    assert author.is_posing is is_posing


def test_names_and_subjects_are_bounded_and_decoded() -> None:
    long = headers(From=f"{'n' * 500} <a@b.example>", Subject="=?utf-8?q?=C3=A4?=" + "s" * 5000)
    author = author_in(long, OURS, is_verified=True)

    assert author is not None
    assert len(author.name) == MAX_NAME
    assert len(subject_in(long)) == MAX_SUBJECT
    assert subject_in(long).startswith("ä")
    assert subject_in(headers()) == ""
