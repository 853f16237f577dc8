"""Nobody is taken for whom they only name, and honest authors are not suspected."""

import re
from collections.abc import Iterator
from itertools import product

import pytest

from emails.rules.warnings import warnings_about
from emails.values.facts import Header, MailFacts, Verdict
from tests.unit.emails.builders import a_mail
from tests.unit.mime.builders import MASK, forward, read
from tests.unit.mime.builders import a_mail as raw_mail
from tests.unit.mime.forged_authors import BANK, EVIL, FORGED

UNKNOWN = "unknown sender"
_PASSED = "amazonses.com; dkim=pass header.i=@{0}; dmarc=pass header.from={0}"


def shown(value: str) -> tuple[str, str]:
    """Return the author's name as it is shown, without our words, and the bare address."""
    sent = read(forward(raw_mail(From=value)).raw)
    (sender,) = sent["From"].addresses
    assert sender.addr_spec == MASK
    name = " ".join(str(sender.display_name).split())
    return name.removesuffix("[via Relay]").strip(), str(sent["Resent-From"] or "")


def judged(value: str, domain: str, **verdicts: Verdict) -> MailFacts:
    """The mail as SES tells of it, which authenticated the domain."""
    return a_mail(
        {"Authentication-Results": _PASSED.format(domain), "From": value},
        f"bounce@{domain}",
        **verdicts,
    )


def test_there_are_enough_ways_to_lie() -> None:
    assert len(set(FORGED)) >= 60


@pytest.mark.parametrize("value", FORGED)
@pytest.mark.parametrize(
    "verdicts",
    [
        {},
        {"dmarc": Verdict.GRAY},
        {"dmarc": Verdict.FAIL},
        {"dmarc": Verdict.GRAY, "spf": Verdict.FAIL, "dkim": Verdict.FAIL},
    ],
    ids=["authentic", "no policy", "fails DMARC", "fails all"],
)
def test_whoever_names_somebody_else_is_marked(value: str, verdicts: dict[str, Verdict]) -> None:
    assert warnings_about(judged(value, "e.example", **verdicts))


@pytest.mark.parametrize("value", FORGED)
def test_nobody_is_shown_as_whom_they_only_name(value: str) -> None:
    name, address = shown(value)

    if is_author(value):
        return
    assert BANK not in name
    assert re.search(r"service ?@", name) is None
    assert "@bank" not in name
    assert address != BANK
    assert EVIL in name or "e.example" in name or name == UNKNOWN


def is_author(value: str) -> bool:
    """Whether any mail program takes the victim for the author, or one of several."""
    return value in {
        *(f"{BANK}, {EVIL}", f"<{BANK}> <{EVIL}>", f"{EVIL} <{BANK}>", f"{BANK}:{EVIL};"),
        *(f"Bank:{BANK},{EVIL};", f"{BANK}; {EVIL}", f"<{BANK};{EVIL}>", f"{BANK},@e.example"),
        *(f'"a" <{BANK}', f"<@e.example:{BANK}>", f"{BANK}\\,<{EVIL}>", f"{BANK}(@e.example"),
        *(BANK, f"Bank <{BANK}>", f'"Bank" <{BANK}>', f"x <{BANK}>@e.example"),
    }


_NAMES = (
    *("Ann Smith", "Smith, Ann", "Ann B. Smith", "O'Hara, Jim", "Dr. med. Zo\u00eb M\u00fcller"),
    *("\u5c71\u7530\u592a\u90ce", "\u041c\u0430\u0440\u0438\u044f", "Ann \U0001f600", "no-reply"),
    *("Shop.example", "The Times @ Night", "Ann (@ann)", "C/O Ann", "A+B=C", "Ann | Team"),
    *("<3 Ann", "Shop & Co.", "Ann.Smith", "ANN SMITH", "Ann (Shop)", "Ann, Bob and Eve"),
    *('Ann "Annie" Smith', "Ann\\Bob", "Ann; Bob", "ann@sender.example", "24/7", "News", ""),
)
_ADDRESSES = (
    *("ann@sender.example", "ann.smith+news@mail.sender.example", "a@b.c.d.sender.example"),
    *("=bounce.ann@sender.example", "o'hara@sender.example", "1@1.sender.example"),
)


def honest() -> Iterator[tuple[str, str]]:
    """Yield what mail programs write of honest authors, and their addresses."""
    for name, address in product(_NAMES, _ADDRESSES):
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        encoded = "".join(f"={octet:02X}" for octet in name.encode())
        yield f'"{quoted}" <{address}>', address
        yield f"=?utf-8?q?{encoded}?= <{address}>", address
        yield f'"{quoted}"\r\n\t<{address}>', address
        if name.isascii() and name.replace(" ", "").isalnum():
            yield f"{name} <{address}>", address
            yield f"{address} ({name})", address


HONEST = tuple(honest())


def test_five_hundred_honest_authors_are_not_marked() -> None:
    assert len(HONEST) >= 500
    marked = [
        value
        for value, address in HONEST
        for domain in {address.rpartition("@")[2], "sender.example"}
        for verdicts in ({}, {"dmarc": Verdict.GRAY}, {"dmarc": Verdict.GRAY, "spf": Verdict.FAIL})
        if warnings_about(judged(value, domain, **verdicts))
    ]

    assert marked == []


def test_honest_authors_are_shown_with_their_addresses() -> None:
    unknown = [value for value, address in HONEST if address not in shown(value)[0]]

    assert unknown == []


def test_two_fields_that_name_an_author_are_marked() -> None:
    for first, second in ((EVIL, BANK), (BANK, EVIL), ("Bank", BANK)):
        fields = (Header("From", first), Header("From", second), Header("Sender", EVIL))

        assert warnings_about(MailFacts(EVIL, a_mail().verdicts, fields))
