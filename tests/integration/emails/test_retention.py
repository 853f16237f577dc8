"""Retention removes expired rows and no others, in bounded runs that may be repeated."""

from datetime import timedelta

import pytest

from emails.models import AbuseCounter, Delivery, HeldMail, RandomMask, Reply
from emails.store import retention
from tests.integration.emails.conftest import a_held_mail, a_mask, an_owner
from tests.unit.emails.builders import NOW

pytestmark = pytest.mark.django_db
DAYS = timedelta(days=1)


def a_delivery(age: timedelta, state: str = "claimed") -> Delivery:
    return Delivery.objects.create(
        sns_message_id=f"{age}",
        recipient="0" * 64,
        state=state,
        claimed_until=NOW,
        created_at=NOW - age,
    )


def test_deliveries_are_kept_as_long_as_sqs_may_redeliver_their_message() -> None:
    kept = [a_delivery(14 * DAYS), a_delivery(15 * DAYS)]
    a_delivery(15 * DAYS + timedelta(seconds=1), state="in_doubt")

    assert retention.remove_old_deliveries(NOW) == 1
    assert retention.remove_old_deliveries(NOW) == 0
    assert list(Delivery.objects.order_by("-created_at")) == kept


def test_a_run_is_bounded_and_the_next_one_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH_ROWS", 2)
    monkeypatch.setattr(retention, "MAX_BATCHES", 2)
    for days in range(20, 25):
        a_delivery(days * DAYS)

    assert [retention.remove_old_deliveries(NOW) for _ in range(3)] == [4, 1, 0]


def test_held_mails_are_forgotten_some_time_after_they_left_s3() -> None:
    owner, over = an_owner(), 15 * DAYS + timedelta(seconds=1)
    ended = {"outcome": "expired", "outcome_reason": "spam"}
    kept = [
        a_held_mail(owner, 99 * DAYS),
        a_held_mail(owner, 99 * DAYS, state="ended", ended_at=NOW - over, **ended),
        a_held_mail(owner, 99 * DAYS, state="cleared", ended_at=NOW - 15 * DAYS, **ended),
    ]
    a_held_mail(owner, 99 * DAYS, state="cleared", ended_at=NOW - over, **ended)

    assert retention.remove_old_held_mails(NOW) == 1
    assert list(HeldMail.objects.order_by("pk").values_list("pk", flat=True)) == kept


def test_old_reply_records_are_removed() -> None:
    mask = a_mask(an_owner())
    for days in (10, 11):
        Reply.objects.create(
            lookup=f"{days:064}", metadata=b"", random_mask=mask, created_at=NOW - days * DAYS
        )

    assert retention.remove_old_replies(NOW, 10 * DAYS) == 1
    assert Reply.objects.get().created_at == NOW - 10 * DAYS


def test_old_counters_are_removed() -> None:
    owner = an_owner()
    for days in (30, 31):
        AbuseCounter.objects.create(profile=owner, day=(NOW - days * DAYS).date())

    assert retention.remove_old_counters(NOW) == 1
    assert AbuseCounter.objects.get().day == (NOW - 30 * DAYS).date()


def test_labels_of_stale_masks_are_erased_and_the_masks_stay() -> None:
    owner, leaver = an_owner(), an_owner("eve@owner.example", is_active=False)
    a_mask(owner, "used", label="bank", last_used_at=NOW - 9 * DAYS)
    a_mask(owner, "unused", label="shop", last_used_at=NOW - 11 * DAYS)
    a_mask(leaver, "left", label="club", last_used_at=NOW)
    never = a_mask(owner, "never", label="lost")
    RandomMask.objects.filter(pk=never.pk).update(created_at=NOW - 11 * DAYS)

    assert retention.erase_stale_labels(NOW, 10 * DAYS) == 3
    assert retention.erase_stale_labels(NOW, 10 * DAYS) == 0
    labels = dict(RandomMask.objects.values_list("local", "label"))
    assert labels == {"used": "bank", "unused": "", "left": "", "never": ""}
