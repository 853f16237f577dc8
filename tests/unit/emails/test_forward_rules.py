"""Received mail: every forwarding rule alone, and every pair of neighbouring rules."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from emails.rules.forward import Forward, Hold, decide, is_flagged
from emails.rules.mail_kind import MAX_RECEIVED
from emails.values.facts import Block, FoundMask, MailFacts, MaskLookup, MissingMask, Verdict
from emails.values.outcomes import (
    Blocked,
    BlockReason,
    Dropped,
    DropReason,
    ForwardReason,
    HeldReason,
    NoMask,
    NoMaskReason,
)
from tests.unit.emails.builders import NOW, POLICY, a_creatable_mask, a_found_mask, a_mail


@dataclass(frozen=True)
class Row:
    """A rule: what makes it hold, in the mail and in the owner or the mask, and what it says."""

    outcome: object
    mail: Callable[[MailFacts], MailFacts] = lambda mail: mail
    target: Callable[[FoundMask], MaskLookup] = lambda found: found


def verdict(**changes: Any) -> Callable[[MailFacts], MailFacts]:
    return lambda mail: replace(mail, verdicts=replace(mail.verdicts, **changes))


def header(name: str, value: str = "x") -> Callable[[MailFacts], MailFacts]:
    return lambda mail: replace(mail, headers=mail.headers + a_mail({name: value}).headers)


def owner(**changes: Any) -> Callable[[FoundMask], FoundMask]:
    return lambda found: replace(found, owner=replace(found.owner, **changes))


def block(kind: Block, **changes: Any) -> Callable[[FoundMask], FoundMask]:
    return lambda found: replace(owner(**changes)(found), mask=replace(found.mask, block=kind))


YESTERDAY = NOW - timedelta(hours=23)

# In the order in which the rules are tried.
ROWS = [
    Row(NoMask(NoMaskReason.UNKNOWN), target=lambda _: MissingMask(was_deleted=False)),
    Row(Dropped(DropReason.VIRUS), mail=verdict(virus=Verdict.FAIL)),
    Row(Dropped(DropReason.DEACTIVATED), target=owner(is_active=False)),
    Row(Blocked(BlockReason.BLOCKS_ALL), target=block(Block.ALL)),
    Row(Dropped(DropReason.LOOP), mail=header("X-Mail-Relay-Loop", "1")),
]
HELD: list[tuple[HeldReason, dict[str, Any], dict[str, Any]]] = [
    (HeldReason.SPAM, {"spam": Verdict.FAIL}, {"blocks_spam": True}),
    (HeldReason.DMARC_REJECT, {"dmarc": Verdict.FAIL, "dmarc_rejects": True}, {}),
    (HeldReason.DMARC_QUARANTINE, {"dmarc": Verdict.FAIL, "dmarc_quarantines": True}, {}),
    (HeldReason.MAILBOX, {}, {"has_open_breaker": True}),
]
PROMOTION = Row(
    Blocked(BlockReason.BLOCKS_PROMOTIONS),
    mail=header("List-Unsubscribe", "<https://sender.example/>"),
    target=block(Block.PROMOTIONS, is_premium=True),
)
DEACTIVATED, LOOP = ROWS[-3], ROWS[-1]
NEIGHBOURS = [*pairwise(ROWS), (DEACTIVATED, PROMOTION), (PROMOTION, LOOP)]


@pytest.mark.parametrize("row", [*ROWS, PROMOTION], ids=lambda row: row.outcome.reason)
def test_each_rule_decides_alone(row: Row) -> None:
    assert decide(row.mail(a_mail()), row.target(a_found_mask()), POLICY, NOW) == row.outcome


@pytest.mark.parametrize(("first", "second"), NEIGHBOURS, ids=lambda row: row.outcome.reason)
def test_of_two_neighbouring_rules_the_first_wins(first: Row, second: Row) -> None:
    mail = first.mail(second.mail(a_mail()))
    second_target = second.target(a_found_mask())
    assert isinstance(second_target, FoundMask)

    assert decide(mail, first.target(second_target), POLICY, NOW) == first.outcome


@pytest.mark.parametrize(("reason", "verdicts", "wishes"), HELD)
def test_what_may_be_wanted_is_held_unless_it_was_released(
    reason: HeldReason, verdicts: dict[str, Any], wishes: dict[str, Any]
) -> None:
    mail, target = a_mail(**verdicts), a_found_mask(**wishes)

    assert decide(mail, target, POLICY, NOW) == Hold(target, reason)
    assert decide(mail, target, POLICY, NOW, waived=[reason]) == Forward(target, is_limited=False)


@pytest.mark.parametrize(("reason", "verdicts", "wishes"), HELD)
@pytest.mark.parametrize("row", [*ROWS, PROMOTION], ids=lambda row: row.outcome.reason)
def test_what_nobody_would_release_is_not_held(
    row: Row, reason: HeldReason, verdicts: dict[str, Any], wishes: dict[str, Any]
) -> None:
    mail, target = row.mail(a_mail(**verdicts)), row.target(a_found_mask(**wishes))

    assert decide(mail, target, POLICY, NOW) == row.outcome


def test_mail_for_a_mailbox_that_bounces_is_held_also_if_it_would_make_a_mask() -> None:
    target = a_creatable_mask()
    target = replace(target, owner=replace(target.owner, has_open_breaker=True))

    assert decide(a_mail(), target, POLICY, NOW) == Hold(target, HeldReason.MAILBOX)


def test_a_mail_that_would_make_a_mask_is_held_without_one() -> None:
    target = a_creatable_mask()
    mail = a_mail(dmarc=Verdict.FAIL, dmarc_quarantines=True)

    assert decide(mail, target, POLICY, NOW) == Hold(target, HeldReason.DMARC_QUARANTINE)


@pytest.mark.parametrize(
    ("mail", "target"),
    [
        (a_mail(), a_found_mask()),
        (a_mail(spam=Verdict.FAIL), a_found_mask()),
        (a_mail(spam=Verdict.GRAY), a_found_mask(blocks_spam=True)),
        (a_mail(virus=Verdict.UNKNOWN), a_found_mask()),
        (a_mail(dmarc=Verdict.FAIL), a_found_mask()),
        (a_mail(dmarc=Verdict.PASS, dmarc_rejects=True), a_found_mask()),
        (a_mail(dmarc=Verdict.PASS, dmarc_quarantines=True), a_found_mask()),
        (a_mail({"List-Id": "x"}), a_found_mask(is_premium=True)),
        (a_mail({"List-Id": "x"}), a_found_mask(Block.PROMOTIONS, is_premium=False)),
        (a_mail({"Subject": "x"}), a_found_mask(Block.PROMOTIONS, is_premium=True)),
        (a_mail(), a_found_mask(flagged_at=NOW)),
    ],
)
def test_a_mail_to_which_no_rule_applies_is_forwarded(mail: MailFacts, target: FoundMask) -> None:
    decision = decide(mail, target, POLICY, NOW)

    assert decision == Forward(target)
    assert isinstance(decision, Forward)
    assert decision.reason is ForwardReason.EXISTING_MASK


def test_a_pause_lasts_to_its_last_second() -> None:
    almost_over = NOW - POLICY.abuse_pause + timedelta(seconds=1)

    assert is_flagged(a_found_mask(flagged_at=almost_over).owner, POLICY, NOW)
    assert not is_flagged(a_found_mask(flagged_at=NOW - POLICY.abuse_pause).owner, POLICY, NOW)


def test_too_many_received_headers_are_a_loop() -> None:
    straight = a_mail()
    straight = replace(straight, headers=a_mail({"Received": "x"}).headers * MAX_RECEIVED)
    round_and_round = header("Received")(straight)

    assert isinstance(decide(straight, a_found_mask(), POLICY, NOW), Forward)
    assert decide(round_and_round, a_found_mask(), POLICY, NOW) == Dropped(DropReason.LOOP)


def test_a_deleted_mask_is_no_mask() -> None:
    assert decide(a_mail(), MissingMask(was_deleted=True), POLICY, NOW) == NoMask(
        NoMaskReason.DELETED
    )


def test_a_mail_to_a_premium_owners_domain_creates_a_mask() -> None:
    creatable = a_creatable_mask()

    decision = decide(a_mail(), creatable, POLICY, NOW)

    assert decision == Forward(creatable)
    assert isinstance(decision, Forward)
    assert decision.reason is ForwardReason.NEW_MASK


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"was_deleted": True, "owner": a_found_mask().owner}, NoMaskReason.DELETED),
        ({"owner": a_found_mask().owner, "local": "admin"}, NoMaskReason.NEEDS_PREMIUM),
        ({"local": "admin", "made_today": 99}, NoMaskReason.NAME_NOT_ALLOWED),
        ({"local": "odd local"}, NoMaskReason.NAME_NOT_ALLOWED),
    ],
)
def test_the_reasons_not_to_create_a_mask_in_order(
    changes: dict[str, Any], reason: NoMaskReason
) -> None:
    mail = a_mail(virus=Verdict.FAIL)

    assert decide(mail, a_creatable_mask(**changes), POLICY, NOW) == NoMask(reason)


_DROPPED = [row for row in ROWS[:-1] if isinstance(row.outcome, Dropped)]


@pytest.mark.parametrize("row", _DROPPED, ids=lambda row: row.outcome.reason)
def test_a_dropped_mail_creates_no_mask(row: Row) -> None:
    """Lesson 22: spam must not make masks."""
    premium = replace(a_found_mask(is_premium=True))
    judged = row.target(premium)
    assert isinstance(judged, FoundMask)

    decision = decide(row.mail(a_mail()), a_creatable_mask(owner=judged.owner), POLICY, NOW)

    assert decision == row.outcome
