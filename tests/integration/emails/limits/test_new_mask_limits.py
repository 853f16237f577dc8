"""New domain masks have limits that no stranger can use up."""

from emails.models import DomainMask, Profile
from emails.store import held
from emails.values.held import NewMask
from tests.integration.emails.conftest import Relay, a_domain_mask, an_owner
from tests.integration.emails.limits.conftest import BORN, FORWARDED, NO_NEW, arrive, tomorrow


def a_premium_owner() -> Profile:
    return an_owner(is_premium=True, subdomain="ann")


def invent(relay: Relay, number: int, domain: str) -> list[object]:
    return [
        arrive(relay, domain, f"{domain.split('.')[0]}{one}@ann.masks.example")
        for one in range(number)
    ]


def test_a_shops_receipt_makes_a_mask_though_somebody_invented_many_names(relay: Relay) -> None:
    a_premium_owner()
    relay.with_policy(max_masks_per_day=10, max_masks_per_sender=3)

    invented = invent(relay, 20, "evil.example")

    assert invented == [BORN] * 3 + [NO_NEW] * 17
    assert arrive(relay, "shop.example", "shop@ann.masks.example") == BORN
    assert DomainMask.objects.count() == 4
    assert held.find_held()[0].target == NewMask("evil3", "ann.masks.example")


def test_an_owners_limit_of_new_masks_holds_and_existing_ones_go_on(relay: Relay) -> None:
    a_domain_mask(a_premium_owner(), "old")
    relay.with_policy(max_masks_per_day=2, max_masks_per_sender=1)

    assert [invent(relay, 1, f"{name}.example")[0] for name in "abc"] == [BORN, BORN, NO_NEW]
    assert arrive(relay, to="old@ann.masks.example") == FORWARDED

    tomorrow(relay)
    assert DomainMask.objects.filter(local="c0").count() == 1
    assert len(relay.mailer.sent) == 4


def test_masks_of_other_days_do_not_count(relay: Relay) -> None:
    owner = a_premium_owner()
    for number in range(60):
        a_domain_mask(owner, f"old{number}")

    assert invent(relay, 1, "shop.example") == [BORN]
