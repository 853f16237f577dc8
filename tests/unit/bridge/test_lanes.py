"""Whose lane a mail counts for, and that nobody can tell from the lane's name whose it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.sns.lanes import MOST_NAMES, LaneNames, Lanes

NAMES = LaneNames(b"secret", ("masks.example", "other.example"), "replies@masks.example")
BY_ADDRESS = LaneNames(b"secret")


def lanes(*recipients: str, source: str = "", names: LaneNames = NAMES) -> Lanes:
    return names.of(recipients, source)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("shop@masks.example", "SHOP@Masks.Example"),
        ("shop@masks.example", "shop+tag@masks.example"),
        ("shop@masks.example", '"shop"@masks.example.'),
        ("shop@masks.example", '"s\\hop"@masks.example'),
        ("shop@ann.masks.example", "bank@ann.masks.example"),
        ("shop@ann.masks.example", "bank@ANN.masks.example."),
    ],
)
def test_these_are_one_lane(one: str, other: str) -> None:
    assert lanes(one) == lanes(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("shop@masks.example", "bank@masks.example"),
        ("shop@masks.example", "shop@other.example"),
        ("shop@ann.masks.example", "shop@bob.masks.example"),
        ("shop@ann.masks.example", "ann@masks.example"),
        ("shop@ann.masks.example", "shop@ann.other.example"),
        ("shop@a.ann.masks.example", "bank@a.ann.masks.example"),
        ("+a@masks.example", "+b@masks.example"),
    ],
)
def test_these_are_two(one: str, other: str) -> None:
    assert lanes(one) != lanes(other)


def test_each_owner_s_replies_are_a_lane() -> None:
    ann, bob = (lanes("Replies@masks.example", source=f"{one}@home.example") for one in ("a", "b"))
    assert ann != bob
    assert ann == lanes("replies@masks.example", source="A@home.example")


def test_what_nobody_sent_to_the_replies_address_is_a_lane_too() -> None:
    assert len(lanes("replies@masks.example").names) == 1


def test_a_bridge_that_knows_no_domains_takes_each_address_for_a_lane() -> None:
    one, other = lanes("a@ann.masks.example", "b@ann.masks.example", names=BY_ADDRESS).names
    assert one != other


def test_a_mail_to_several_has_their_lanes_once_each_and_is_work_for_each_recipient() -> None:
    found = lanes("a@ann.masks.example", "b@ann.masks.example", "shop@masks.example")
    assert found.names == lanes("a@ann.masks.example").names + lanes("shop@masks.example").names
    assert found.work == 3


def test_no_more_lanes_are_compared_than_a_script_can_take() -> None:
    found = lanes(*(f"m{number}@masks.example" for number in range(1000)))
    assert (len(found.names), found.work) == (MOST_NAMES, 1000)


@given(st.lists(st.text()), st.text())
def test_whatever_ses_reports_there_are_lanes_that_show_no_address(
    recipients: list[str], source: str
) -> None:
    found = NAMES.of(recipients, source)
    assert found.work == max(1, len(recipients))
    assert all(len(name) == 18 and int(name, 16) >= 0 for name in found.names)


def test_bridges_with_the_same_ledger_secret_name_alike_and_old_secrets_name_nothing() -> None:
    first, same, other = (
        LaneNames.under(secrets, NAMES.mask_domains, NAMES.replies_address)
        for secrets in (["one" * 11], ["one" * 11, "old" * 11], ["new" * 11, "one" * 11])
    )
    assert lanes("shop@masks.example", names=first) == lanes("shop@masks.example", names=same)
    assert lanes("shop@masks.example", names=first) != lanes("shop@masks.example", names=other)


def test_with_another_secret_the_names_are_others_and_the_secret_is_never_shown() -> None:
    other = LaneNames(b"another", NAMES.mask_domains, NAMES.replies_address)
    assert lanes("shop@masks.example", names=other) != lanes("shop@masks.example")
    assert "secret" not in repr(NAMES)
