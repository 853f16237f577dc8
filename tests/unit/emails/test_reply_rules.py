"""Replies: every rule alone, and every pair of neighbouring rules."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import pytest

from emails.rules.reply import SendReply, decide
from emails.rules.senders import sender_of
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
