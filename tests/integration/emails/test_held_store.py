"""The table of held mails: found oldest first, and moved from state to state."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from emails.models import HeldMail
from emails.store import held
from emails.values.facts import MaskKind, MaskRef
from emails.values.held import HeldCount, HeldState
from emails.values.outcomes import HeldReason
from tests.integration.emails.conftest import a_domain_mask, a_held_mail, a_mask, an_owner
from tests.unit.emails.builders import NOW

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def ids(**where: Any) -> list[int]:
    return [mail.id for mail in held.find_held(**where)]


def states() -> list[str]:
    return list(HeldMail.objects.order_by("pk").values_list("state", flat=True))


def test_held_mails_are_found_oldest_first_by_what_is_asked() -> None:
    ann, eve = an_owner("ann@owner.example"), an_owner("eve@owner.example", subdomain="eve")
    random, domain = a_mask(ann), a_domain_mask(eve)
    young = a_held_mail(ann, DAY, random_mask=random)
    old = a_held_mail(ann, 3 * DAY, reason="mailbox")
    other = a_held_mail(eve, 2 * DAY, domain_mask=domain)
    a_held_mail(ann, state="releasing")

    assert ids() == [old, other, young]
    assert ids(owner=ann.pk) == [old, young]
    assert ids(mask=MaskRef(MaskKind.RANDOM, random.pk)) == [young]
    assert ids(mask=MaskRef(MaskKind.DOMAIN, domain.pk)) == [other]
    assert ids(reason=HeldReason.MAILBOX) == [old]
    assert ids(owner=ann.pk, reason=HeldReason.SPAM) == [young]
    assert ids(ids=[other, young]) == [other, young]


def test_a_long_list_comes_in_pages_without_gaps() -> None:
    ann = an_owner()
    every = [a_held_mail(ann, DAY) for _ in range(3)] + [a_held_mail(ann, DAY / 2)]

    found: list[int] = []
    after = None
    while page := held.find_held(owner=ann.pk, after=after, limit=2):
        found += [mail.id for mail in page]
        after = (page[-1].received_at, page[-1].id)

    assert found == every


def test_who_is_released_by_somebody_is_not_held_again_for_the_same_reason() -> None:
    ann = an_owner()
    first, second = a_held_mail(ann), a_held_mail(ann)

    assert held.release([first]) == 1
    assert held.release([first]) == 0

    (mail,) = held.find_held(states=[HeldState.RELEASING])
    assert (mail.id, mail.releases) == (first, 1)
    assert mail.waived == {HeldReason.SPAM}
    assert ids() == [second]


def test_all_of_an_owner_whose_reason_is_gone_are_released() -> None:
    ann, eve = an_owner("ann@owner.example"), an_owner("eve@owner.example")
    mine = [a_held_mail(ann, reason="mailbox") for _ in range(2)]
    others = [a_held_mail(ann), a_held_mail(eve, reason="mailbox")]

    assert held.release_all(ann.pk, HeldReason.MAILBOX) == 2

    released = held.find_held(states=[HeldState.RELEASING])
    assert [mail.id for mail in released] == mine
    assert {mail.waived for mail in released} == {frozenset()}
    assert sorted(ids()) == others


def test_what_was_discarded_has_an_outcome_and_is_released_no_more() -> None:
    mail = a_held_mail(an_owner())

    assert held.discard([mail], NOW) == 1
    assert held.discard([mail], NOW) == held.release([mail]) == 0

    row = HeldMail.objects.get()
    assert (row.state, row.outcome, row.outcome_reason) == ("ended", "dropped", "discarded")
    assert row.ended_at == NOW


def test_only_what_is_due_and_still_held_expires() -> None:
    ann = an_owner()
    for age, fields in (
        (30 * DAY, {}),
        (31 * DAY, {"reason": "mailbox"}),
        (30 * DAY - timedelta(seconds=1), {}),
        (31 * DAY, {"state": "releasing"}),
    ):
        a_held_mail(ann, age, **fields)

    assert held.expire(NOW, 10) == {HeldReason.SPAM: 1, HeldReason.MAILBOX: 1}
    assert held.expire(NOW, 10) == {}

    assert states() == ["ended", "ended", "held", "releasing"]
    ended = HeldMail.objects.filter(state="ended").values_list("outcome", "outcome_reason")
    assert set(ended) == {("expired", "spam"), ("expired", "mailbox")}


def test_expiring_is_bounded_and_takes_the_oldest() -> None:
    ann = an_owner()
    for days in (33, 35, 34):
        a_held_mail(ann, days * DAY)

    assert held.expire(NOW, 2) == {HeldReason.SPAM: 2}

    assert states() == ["held", "ended", "ended"]


def test_held_mails_are_counted_by_reason_with_the_oldest() -> None:
    ann = an_owner()
    a_held_mail(ann, DAY)
    a_held_mail(ann, 2 * DAY, state="releasing")
    a_held_mail(ann, 3 * DAY, reason="mailbox")
    assert held.discard([a_held_mail(ann, 9 * DAY)], NOW) == 1

    assert held.count_by_reason() == {
        HeldReason.SPAM: HeldCount(2, NOW - 2 * DAY),
        HeldReason.MAILBOX: HeldCount(1, NOW - 3 * DAY),
    }


def test_a_row_outlives_its_mask_and_its_owner() -> None:
    """It leads to a mail that must still be deleted from S3."""
    ann = an_owner()
    mask = a_mask(ann)
    a_held_mail(ann, random_mask=mask)

    mask.delete()
    assert held.find_held()[0].target is None
    ann.user.delete()
    assert held.find_held()[0].owner_id is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "lost"},
        {"reason": "whim"},
        {"new_local": "shop"},
        {"state": "ended"},
        {"outcome": "expired"},
        {"sns_message_id": "sns-0", "recipient": f"{0:064}"},
    ],
)
def test_the_table_keeps_to_its_rules(wrong: dict[str, Any]) -> None:
    ann = an_owner()
    a_held_mail(ann)

    with pytest.raises(IntegrityError), transaction.atomic():
        a_held_mail(ann, **wrong)


def test_a_held_mail_has_one_mask_at_most() -> None:
    ann = an_owner(subdomain="ann")
    masks = {"random_mask": a_mask(ann), "domain_mask": a_domain_mask(ann)}
    new = {"new_local": "shop", "new_domain": "ann.masks.example"}

    for wrong in (masks, {"random_mask": masks["random_mask"], **new}):
        with pytest.raises(IntegrityError), transaction.atomic():
            a_held_mail(ann, **wrong)
