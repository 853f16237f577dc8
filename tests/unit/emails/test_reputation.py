"""Whose mail is held before AWS reviews the account: the worst, few, and never on ten mails."""

import pytest

from emails.rules.reputation import Trouble, choose_held, find_troubles
from emails.values.account import ReputationLimits, Sending

LIMITS = ReputationLimits(bounces=0.04, complaints=0.0008)
B, C = Trouble.BOUNCES, Trouble.COMPLAINTS


@pytest.mark.parametrize(
    ("sent", "bounced", "complained", "is_braking", "troubles"),
    [
        (10_000, 399, 0, False, []),
        (10_000, 400, 0, False, [B]),
        (10_000, 0, 7, False, []),
        (10_000, 0, 8, False, [C]),
        (10_000, 400, 8, False, [B, C]),
        # A few mails say nothing, whatever their share is.
        (10, 10, 0, False, []),
        (19, 19, 4, False, []),
        (20, 20, 0, False, [B]),
        (100, 0, 4, False, []),
        (100, 0, 5, False, [C]),
        (0, 0, 0, False, []),
        # What is held is held until three quarters of the limit: 300 and 6 of 10,000.
        (10_000, 300, 0, True, [B]),
        (10_000, 299, 0, True, []),
        (10_000, 0, 7, True, [C]),
        (10_000, 0, 5, True, []),
    ],
)
def test_what_is_over_its_limit(
    sent: int, bounced: int, complained: int, is_braking: bool, troubles: list[Trouble]
) -> None:
    total = Sending(sent, bounced, complained)

    assert find_troubles(total, LIMITS, is_braking=is_braking) == troubles


SENDERS = {
    "sender spam": Sending(600, 300, 0),
    "mask random-1": Sending(100, 90, 0),
    "mask random-2": Sending(50, 30, 0),
    "mask random-3": Sending(4, 4, 0),
    "sender large": Sending(9_000, 90, 0),
    "sender reported": Sending(500, 0, 6),
    "mask random-4": Sending(400, 0, 1),
}


@pytest.mark.parametrize(
    ("total", "held"),
    [
        # All is well: nobody, however bad.
        (Sending(10_000, 399, 0), set()),
        # 300 and less are to be left, of 400: one sender is enough.
        (Sending(10_000, 400, 0), {"sender spam"}),
        # 340 of 9,400 left are still too many; without the next worst, 250 of 9,300 are few enough.
        (Sending(10_000, 640, 0), {"sender spam", "mask random-1"}),
        # All that are bad enough; four mails of a mask are not, and a large sender's 1 % neither.
        (Sending(10_000, 5_000, 0), {"sender spam", "mask random-1", "mask random-2"}),
        (Sending(10_000, 0, 8), {"sender reported"}),
        (Sending(10_000, 400, 8), {"sender spam", "sender reported"}),
    ],
)
def test_the_worst_are_held_until_the_rest_is_well(total: Sending, held: set[str]) -> None:
    assert choose_held(total, SENDERS, LIMITS, is_braking=False) == held


def test_never_more_than_a_quarter_of_all_mail_is_held() -> None:
    everybody = {f"sender {number}": Sending(1_000, 100, 0) for number in range(10)}

    held = choose_held(Sending(10_000, 1_000, 0), everybody, LIMITS, is_braking=False)

    assert held == {"sender 0", "sender 1"}


def test_one_sender_of_most_mail_is_not_held() -> None:
    large = {"sender large": Sending(6_000, 600, 0)}

    assert not choose_held(Sending(10_000, 610, 0), large, LIMITS, is_braking=False)


def test_switched_off_nobody_is_held() -> None:
    off = ReputationLimits(may_brake=False)

    assert not choose_held(Sending(10_000, 5_000, 0), SENDERS, off, is_braking=True)
