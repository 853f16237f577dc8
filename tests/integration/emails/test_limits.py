"""Limits per owner and UTC day: exceeding one pauses the owner."""

from datetime import UTC, datetime, timedelta

import pytest

from emails.models import AbuseCounter, Profile
from emails.values.outcomes import Dropped, DropReason, Forwarded, ForwardReason
from tests.integration.emails.conftest import Relay, a_mask, an_owner

FORWARDED = (Forwarded(ForwardReason.EXISTING_MASK),)
PAUSED = (Dropped(DropReason.ABUSE_PAUSE),)


@pytest.mark.parametrize("limit", [{"max_mails_per_day": 2}, {"max_bytes_per_day": 2}])
def test_too_much_mail_pauses_the_owner_until_the_pause_is_over(
    relay: Relay, limit: dict[str, int]
) -> None:
    a_mask(an_owner())
    relay.with_policy(**limit)

    while relay.arrive("x7k2@masks.example") == FORWARDED:
        assert AbuseCounter.objects.get().mails <= 3

    assert relay.arrive("x7k2@masks.example") == PAUSED
    assert Profile.objects.get().flagged_at == relay.now
    relay.now += relay.policy.abuse_pause
    assert relay.arrive("x7k2@masks.example") == FORWARDED


def test_a_day_is_a_utc_day(relay: Relay) -> None:
    a_mask(an_owner())
    relay.now = datetime(2030, 5, 17, 23, 59, tzinfo=UTC)
    relay.arrive("x7k2@masks.example")
    relay.now += timedelta(minutes=1)
    relay.arrive("x7k2@masks.example")

    days = AbuseCounter.objects.order_by("day").values_list("day", "mails")
    assert [(day.isoformat(), mails) for day, mails in days] == [
        ("2030-05-17", 1),
        ("2030-05-18", 1),
    ]


def test_one_owners_flood_does_not_pause_another(relay: Relay) -> None:
    a_mask(an_owner(flagged_at=relay.now))
    a_mask(an_owner("eve@owner.example"), "y8m3")

    assert relay.arrive("x7k2@masks.example", "y8m3@masks.example") == PAUSED + FORWARDED
