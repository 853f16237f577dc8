"""Replies: every rule alone, and every pair of neighbouring rules."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import pytest

from emails.rules.reply import SendReply, decide
from emails.rules.senders import is_authenticated, sender_of
from emails.values.facts import MailFacts, ReplyFacts, Verdict
from emails.values.outcomes import Dropped, DropReason, ReplyReason
from tests.unit.emails.builders import MASK, NOW, OWNER, POLICY, a_mail

THREAD = ReplyFacts(
    mask=MASK,
    owner=replace(OWNER, is_premium=True),
    correspondent="bob@sender.example",
    message_id="m1@sender.example",
    references=(),
)
SENDER = "ann@owner.example"


def a_reply(sender: str = f"Ann <{SENDER}>", source: str = SENDER, **changes: Any) -> MailFacts:
    return a_mail({"From": sender} | changes.pop("headers", {}), source=source, **changes)


@dataclass(frozen=True)
class Row:
    reason: DropReason
    mail: Callable[[MailFacts], MailFacts] = lambda mail: mail
    thread: Callable[[ReplyFacts], ReplyFacts | None] = lambda thread: thread


def owner(**changes: Any) -> Callable[[ReplyFacts], ReplyFacts]:
    return lambda thread: replace(thread, owner=replace(thread.owner, **changes))


def header(name: str, value: str) -> Callable[[MailFacts], MailFacts]:
    return lambda mail: replace(mail, headers=mail.headers + a_mail({name: value}).headers)


def verdicts(**changes: Any) -> Callable[[MailFacts], MailFacts]:
    return lambda mail: replace(mail, verdicts=replace(mail.verdicts, **changes))


ROWS = [
    Row(DropReason.VIRUS, mail=verdicts(virus=Verdict.FAIL)),
    Row(DropReason.LOOP, mail=header("X-Mail-Relay-Loop", "1")),
    Row(DropReason.AUTOMATIC_REPLY, mail=header("Auto-Submitted", "auto-replied")),
    Row(DropReason.UNKNOWN_THREAD, thread=lambda _: None),
    Row(DropReason.AMBIGUOUS_SENDER, mail=header("From", "eve@evil.example")),
    Row(DropReason.NOT_THE_OWNER, thread=owner(address="eve@owner.example")),
    Row(DropReason.UNAUTHENTICATED, mail=verdicts(dmarc=Verdict.FAIL)),
    Row(DropReason.ABUSE_PAUSE, thread=owner(flagged_at=NOW)),
    Row(DropReason.DEACTIVATED, thread=owner(is_active=False)),
    Row(DropReason.REPLIES_NEED_PREMIUM, thread=owner(is_premium=False, has_replied=True)),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.reason)
def test_each_rule_decides_alone(row: Row) -> None:
    decision = decide(row.mail(a_reply()), row.thread(THREAD), POLICY, NOW)

    assert decision == Dropped(row.reason)


@pytest.mark.parametrize(("first", "second"), list(pairwise(ROWS)), ids=lambda row: row.reason)
def test_of_two_neighbouring_rules_the_first_wins(first: Row, second: Row) -> None:
    mail = first.mail(second.mail(a_reply()))
    thread = second.thread(THREAD)
    thread = first.thread(thread) if thread else None

    assert decide(mail, thread, POLICY, NOW) == Dropped(first.reason)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"is_premium": True, "has_replied": True}, ReplyReason.PREMIUM),
        ({"is_premium": True, "has_replied": False}, ReplyReason.PREMIUM),
        ({"is_premium": False, "has_replied": False}, ReplyReason.FIRST_REPLY),
    ],
)
def test_who_may_reply(changes: dict[str, Any], reason: ReplyReason) -> None:
    thread = owner(**changes)(THREAD)

    assert decide(a_reply(), thread, POLICY, NOW) == SendReply(thread, reason)


@pytest.mark.parametrize(
    ("sender", "registered"),
    [
        ("ANN@Owner.Example", SENDER),
        ("ann+phone@owner.example", SENDER),
        (SENDER, "ann+relay@owner.example"),
        ('"eve@evil.example" <ann@owner.example>', SENDER),
        ("ann@owner.example <ann@owner.example>", SENDER),
        ("ann@owner.example (Ann, at work)", SENDER),
        ("Ann (at work) <ann@owner.example> (really)", SENDER),
        ("=?utf-8?q?Smith,_Ann?= <ann@owner.example>", SENDER),
    ],
)
def test_the_owner_is_recognised_in_every_spelling(sender: str, registered: str) -> None:
    thread = owner(address=registered)(THREAD)

    assert isinstance(decide(a_reply(sender), thread, POLICY, NOW), SendReply)


@pytest.mark.parametrize(
    ("sender", "reason"),
    [
        ('"ann@owner.example" <eve@evil.example>', DropReason.NOT_THE_OWNER),
        ("ann@owner.example.evil.example", DropReason.NOT_THE_OWNER),
        ("ann@owner.example, eve@evil.example", DropReason.AMBIGUOUS_SENDER),
        ("eve@evil.example, ann@owner.example", DropReason.AMBIGUOUS_SENDER),
        ("<ann@owner.example> <eve@evil.example>", DropReason.AMBIGUOUS_SENDER),
        ("eve@evil.example <ann@owner.example<eve@evil.example>>", DropReason.AMBIGUOUS_SENDER),
        ('"ann@owner.example', DropReason.AMBIGUOUS_SENDER),
        ("ann@owner.example <eve@evil.example>", DropReason.NOT_THE_OWNER),
        ("nobody", DropReason.AMBIGUOUS_SENDER),
        ("x" * 20_000, DropReason.AMBIGUOUS_SENDER),
        ("(" * 5_000 + SENDER, DropReason.AMBIGUOUS_SENDER),
        (":" * 5_000 + SENDER, DropReason.AMBIGUOUS_SENDER),
        (f"{SENDER} (eve@evil.example) eve@evil.example", DropReason.AMBIGUOUS_SENDER),
        (f"{SENDER}\0@evil.example", DropReason.AMBIGUOUS_SENDER),
        ("=?utf-8?q?ann=40owner.example?=", DropReason.AMBIGUOUS_SENDER),
        ("eve@evil.example (ann@owner.example)", DropReason.NOT_THE_OWNER),
        ("ann@owner.example:eve@evil.example;", DropReason.AMBIGUOUS_SENDER),
        ("<ann@owner.example .evil.example>", DropReason.AMBIGUOUS_SENDER),
        ("<ann@owner.example\xa0.evil.example>", DropReason.AMBIGUOUS_SENDER),
    ],
)
def test_a_sender_that_only_looks_like_the_owner_is_not_the_owner(
    sender: str, reason: DropReason
) -> None:
    """Lesson 18."""
    assert decide(a_reply(sender), THREAD, POLICY, NOW) == Dropped(reason)


def test_a_mail_without_from_has_no_sender() -> None:
    assert sender_of(a_mail({})) is None


SES_RESULT = "amazonses.com; spf=pass client-ip=192.0.2.1; dkim=pass header.i=@{domain}; dmarc=none"


@pytest.mark.parametrize(
    ("dmarc", "spf", "dkim", "source", "signer", "expected"),
    [
        ("PASS", "FAIL", "FAIL", "x@evil.example", "evil.example", True),
        ("FAIL", "PASS", "PASS", SENDER, "owner.example", False),
        ("UNKNOWN", "PASS", "PASS", SENDER, "owner.example", False),
        ("GRAY", "PASS", "FAIL", SENDER, "", True),
        ("GRAY", "FAIL", "PASS", "x@evil.example", "owner.example", True),
        ("GRAY", "FAIL", "FAIL", SENDER, "owner.example", False),
        ("PROCESSING_FAILED", "PASS", "FAIL", SENDER, "", True),
        ("PROCESSING_FAILED", "FAIL", "PASS", "x@evil.example", "owner.example", True),
        ("PROCESSING_FAILED", "FAIL", "FAIL", SENDER, "owner.example", False),
        ("PROCESSING_FAILED", "PROCESSING_FAILED", "PROCESSING_FAILED", SENDER, "", False),
        ("PROCESSING_FAILED", "PASS", "PASS", "x@evil.example", "evil.example", False),
        # The forger's own domain passes its own checks.
        ("GRAY", "PASS", "PASS", "x@evil.example", "evil.example", False),
        ("GRAY", "PASS", "FAIL", "x@sub.owner.example", "", False),
        ("GRAY", "FAIL", "PASS", "x@evil.example", "sub.owner.example", False),
        ("GRAY", "FAIL", "PASS", "x@evil.example", "example", False),
    ],
)
def test_a_sender_is_proven_by_dmarc_or_for_its_own_domain(
    dmarc: str, spf: str, dkim: str, source: str, signer: str, expected: bool
) -> None:
    mail = a_reply(
        source=source,
        headers={"Authentication-Results": SES_RESULT.format(domain=signer)},
        dmarc=Verdict(dmarc),
        spf=Verdict(spf),
        dkim=Verdict(dkim),
    )
    sender = sender_of(mail)
    assert sender is not None

    assert is_authenticated(mail, sender) is expected


@pytest.mark.parametrize(
    "results",
    [
        [],
        ["evil.example; dkim=pass header.i=@owner.example"],
        ["amazonses.com; dkim=fail header.i=@owner.example"],
        ["amazonses.com; dkim=pass header.i=x header.d=owner.example@evil.example"],
        # The user's name in `header.i` is the forger's to write; only the first property counts.
        ["amazonses.com; dkim=pass header.i=x header.d=owner.example @evil.example"],
        ["amazonses.com; dkim=pass header.i= header.d=owner.example @evil.example"],
        ["amazonses.com; dkim=pass header.i=x@owner.example @evil.example"],
        ["amazonses.com; dkim=pass header.i=@evil.example header.d=owner.example"],
        ["amazonses.com; none", "amazonses.com; dkim=pass header.i=@owner.example"],
        # The envelope's sender is the forger's to write.
        ['amazonses.com; envelope-from="a; dkim=pass header.d=owner.example "@x; helo=x'],
        ['amazonses.com; envelope-from="\\"; dkim=pass header.d=owner.example "@x; helo=x'],
        ['amazonses.com; envelope-from="a; dkim=pass header.d=owner.example ;'],
        ["amazonses.com; spf=pass (domain of a; dkim=pass header.d=owner.example ; b) helo=x"],
    ],
)
def test_only_sess_own_results_count_and_only_the_topmost(results: list[str]) -> None:
    mail = a_reply(source="x@evil.example", dmarc=Verdict.GRAY)
    for result in results:
        mail = header("Authentication-Results", result)(mail)
    sender = sender_of(mail)
    assert sender is not None

    assert not is_authenticated(mail, sender)


@pytest.mark.parametrize(
    ("judged", "expected"),
    [
        ("dmarc=pass header.from=owner.example;", True),
        ("dmarc=pass header.from=evil.example;", False),
        ("dmarc=pass header.from=sub.owner.example;", False),
        ("spf=pass", True),
    ],
)
def test_dmarc_speaks_for_the_domain_that_it_judged(judged: str, expected: bool) -> None:
    """Of two senders in a malformed mail, SES may have judged the other one."""
    mail = a_reply(headers={"Authentication-Results": f"amazonses.com; {judged}"})
    sender = sender_of(mail)
    assert sender is not None

    assert is_authenticated(mail, sender) is expected


def test_a_parent_domain_may_sign_for_its_children() -> None:
    mail = a_reply(
        sender="ann@mail.owner.example",
        source="x@evil.example",
        headers={"Authentication-Results": SES_RESULT.format(domain="owner.example")},
        dmarc=Verdict.GRAY,
    )
    sender = sender_of(mail)
    assert sender is not None

    assert is_authenticated(mail, sender)
