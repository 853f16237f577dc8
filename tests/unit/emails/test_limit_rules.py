"""Daily limits: which is reached, which is near, and what is left to mails that come late."""

from dataclasses import replace
from typing import Any

import pytest

from emails.config import DomainConfig
from emails.rules import limits
from emails.rules.forward import Forward, Hold, decide
from emails.rules.senders import authenticated_domain
from emails.store.counters import sender_key
from emails.values.facts import Usage, Verdict, Volume
from emails.values.outcomes import HeldReason
from runtime.env import describe
from tests.unit.emails.builders import NOW, POLICY, a_creatable_mask, a_found_mask, a_mail

LIMITED = replace(POLICY, mask_limit=Volume(1000, 10_000), sender_limit=Volume(700, 7_000))
"""Near is from 744 mails or 5,000 bytes of the mask's on, and from 444 or 3,500 of a sender's."""

FAR, NEAR = (None, False), (None, True)
OF_MASK, OF_SENDER = HeldReason.MASK_LIMIT, HeldReason.SENDER_LIMIT


@pytest.mark.parametrize(
    ("mask", "sender", "expected"),
    [
        ((0, 0), (0, 0), FAR),
        ((743, 4_999), (443, 3_499), FAR),
        ((744, 0), (0, 0), NEAR),
        ((0, 5_000), (0, 0), NEAR),
        ((0, 0), (444, 0), NEAR),
        ((0, 0), (0, 3_500), NEAR),
        ((999, 9_999), (699, 6_999), NEAR),
        ((1000, 0), (0, 0), OF_MASK),
        ((0, 10_000), (0, 0), OF_MASK),
        ((0, 0), (700, 0), OF_SENDER),
        ((0, 0), (0, 7_000), OF_SENDER),
        ((1000, 0), (700, 0), OF_SENDER),
    ],
)
def test_a_masks_limits(mask: tuple[int, int], sender: tuple[int, int], expected: Any) -> None:
    target = replace(a_found_mask(), usage=Usage(Volume(*mask), Volume(*sender)))

    decision = decide(a_mail(), target, LIMITED, NOW)

    if isinstance(expected, HeldReason):
        assert decision == Hold(target, expected)
    else:
        assert decision == Forward(target, must_reserve=expected[1])


@pytest.mark.parametrize(
    ("made", "is_held"),
    [({}, False), ({"made_today": 3}, True), ({"made_by_sender": 2}, True)],
)
def test_limits_of_new_masks(made: dict[str, Any], is_held: bool) -> None:
    policy = replace(POLICY, max_masks_per_day=3, max_masks_per_sender=2)
    target = a_creatable_mask(**made)

    decision = decide(a_mail(), target, policy, NOW)

    assert decision == (Hold(target, HeldReason.NEW_MASK_LIMIT) if is_held else Forward(target))


@pytest.mark.parametrize("waived", HeldReason)
def test_what_somebody_released_has_no_limit(waived: HeldReason) -> None:
    over = replace(a_found_mask(), usage=Usage(Volume(1000), Volume(1000)))

    assert decide(a_mail(), over, LIMITED, NOW, {waived}) == Forward(over, is_limited=False)


def test_late_mails_have_half_of_each_limit_but_one_mail_always_fits() -> None:
    policy = replace(
        POLICY,
        mask_limit=Volume(5, 1_000_000_001),
        sender_limit=Volume(1, limits.LARGEST_MAIL_BYTES),
        max_masks_per_day=3,
        max_masks_per_sender=0,
    )

    late = limits.for_late_mails(policy)

    assert late.mask_limit == Volume(3, 500_000_000)
    assert late.sender_limit == Volume(1, limits.LARGEST_MAIL_BYTES)
    assert (late.max_masks_per_day, late.max_masks_per_sender) == (2, 0)


def test_no_setting_is_below_one_mail() -> None:
    named = {one.name: one for one in describe(DomainConfig)}

    for name in ("MASK_BYTES_PER_DAY", "SENDER_BYTES_PER_DAY"):
        assert named[name].is_allowed(str(limits.LARGEST_MAIL_BYTES))
        assert not named[name].is_allowed(str(limits.LARGEST_MAIL_BYTES - 1))


@pytest.mark.parametrize(
    ("verdicts", "sender", "domain"),
    [
        ({}, "Bob <bob@Shop.example>", "shop.example"),
        ({"dmarc": Verdict.FAIL}, "bob@shop.example", None),
        ({"dmarc": Verdict.UNKNOWN}, "bob@shop.example", None),
        ({}, "a@shop.example, b@shop.example", None),
        ({}, "", None),
    ],
)
def test_only_an_authenticated_domain_has_a_limit_of_its_own(
    verdicts: dict[str, Verdict], sender: str, domain: str | None
) -> None:
    mail = a_mail({"From": sender}, source="bob@shop.example", **verdicts)

    assert authenticated_domain(mail) == domain


def test_a_senders_key_needs_the_secret_and_belongs_to_one_scope() -> None:
    keys = {
        sender_key(secret, scope, domain)
        for secret in (b"one", b"two")
        for scope in ("a@masks.example", "owner 1")
        for domain in ("shop.example", None)
    }

    assert len(keys) == 8
    assert {len(key) for key in keys} == {32}
    assert sender_key(b"one", "owner 1", None) in keys
