"""Feedback about our own notices and digests: no stranger sent them, so it blocks nothing."""

from datetime import timedelta
from typing import Any

import pytest

from emails.models import DomainMask, MailboxBreaker, Profile, RandomMask
from emails.values.outcomes import Recorded, RecordReason
from tests.integration.emails.conftest import Relay, a_domain_mask, a_mask, an_owner
from tests.integration.emails.digests.conftest import hold, send_due
from tests.unit.emails.builders import bounce, complaint

ADDRESS = "ann@owner.example"
NOTICE_COMPLAINT = (Recorded(RecordReason.NOTICE_COMPLAINT),)
NOT_ABOUT_MAILBOX = (Recorded(RecordReason.BOUNCE_NOT_ABOUT_MAILBOX),)
AS_SPAM: dict[str, Any] = {"diagnostic": "554 5.7.1 rejected as spam"}


def a_notice(relay: Relay) -> dict[str, Any]:
    """Let the owner get a notice that a mask was disabled; return what SES says of it."""
    mask = a_mask(an_owner(blocks_spam=True))
    relay.notify(complaint(ADDRESS, shape="eventType", tags={"mask": f"random-{mask.pk}"}))
    RandomMask.objects.update(block="none")
    return last_sent(relay)


def a_domain_masks_notice(relay: Relay) -> dict[str, Any]:
    owner = an_owner(blocks_spam=True, is_premium=True, subdomain="ann")
    mask = a_domain_mask(owner)
    relay.notify(complaint(ADDRESS, shape="eventType", tags={"mask": f"domain-{mask.pk}"}))
    DomainMask.objects.update(block="none")
    return last_sent(relay)


def a_digest(relay: Relay) -> dict[str, Any]:
    a_mask(an_owner(blocks_spam=True))
    return digest_of_one_mail(relay)


def a_digest_that_names_no_mask(relay: Relay) -> dict[str, Any]:
    """The mail would create its mask."""
    an_owner(blocks_spam=True, is_premium=True, subdomain="ann")
    return digest_of_one_mail(relay, "shop@ann.masks.example")


def a_digest_about_a_deleted_mask(relay: Relay) -> dict[str, Any]:
    sent = a_digest(relay)
    RandomMask.objects.all().delete()
    return sent


def digest_of_one_mail(relay: Relay, to: str = "x7k2@masks.example") -> dict[str, Any]:
    hold(relay, to=to)
    relay.now += timedelta(hours=1)
    send_due(relay)
    return last_sent(relay)


def last_sent(relay: Relay) -> dict[str, Any]:
    (sent,) = relay.mailer.sent
    assert dict(sent.tags)["kind"] == "notice"
    return {
        "shape": "eventType",
        "source": sent.sender,
        "destination": [sent.recipient],
        "tags": dict(sent.tags),
    }


OURS = pytest.mark.parametrize(
    "ours",
    [
        a_notice,
        a_domain_masks_notice,
        a_digest,
        a_digest_that_names_no_mask,
        a_digest_about_a_deleted_mask,
    ],
)


def assert_nothing_is_blocked() -> None:
    assert not Profile.objects.filter(blocks_spam=True).exists()
    assert not RandomMask.objects.exclude(block="none").exists()
    assert not DomainMask.objects.exclude(block="none").exists()


@OURS
@pytest.mark.parametrize("named", [[ADDRESS], ["ann@forwarded.example"], []])
def test_whoever_reports_a_notice_as_spam_blocks_nothing(
    relay: Relay, ours: Any, named: list[str]
) -> None:
    sent = ours(relay)
    Profile.objects.update(blocks_spam=False)

    for _ in range(3):
        assert relay.notify(complaint(*named, **sent)) == NOTICE_COMPLAINT

    assert_nothing_is_blocked()
    assert len(relay.mailer.sent) == 1, "no notice about a notice"


@OURS
def test_a_report_does_not_disable_the_mask_of_an_owner_who_blocks_spam(
    relay: Relay, ours: Any
) -> None:
    sent = ours(relay)

    assert relay.notify(complaint(ADDRESS, **sent)) == NOTICE_COMPLAINT

    assert not RandomMask.objects.exclude(block="none").exists()
    assert not DomainMask.objects.exclude(block="none").exists()


@OURS
def test_a_notice_that_bounces_as_spam_turns_on_nothing(relay: Relay, ours: Any) -> None:
    sent = ours(relay)
    Profile.objects.update(blocks_spam=False)

    assert relay.notify(bounce(ADDRESS, **sent, **AS_SPAM)) == NOT_ABOUT_MAILBOX

    assert_nothing_is_blocked()


@OURS
def test_a_notice_that_finds_no_mailbox_is_held_against_the_mailbox_alone(
    relay: Relay, ours: Any, caplog: pytest.LogCaptureFixture
) -> None:
    sent = ours(relay)
    caplog.clear()

    outcomes = relay.notify(bounce(ADDRESS, status="5.1.1", **sent))

    assert outcomes == (Recorded(RecordReason.HARD_BOUNCE),)
    assert MailboxBreaker.objects.get().address == ADDRESS
    (settled,) = (one for one in caplog.records if one.message == "settled")
    assert getattr(settled, "mask_id", None) is None


@pytest.mark.parametrize("shape", ["notificationType", "eventType"])
def test_without_tags_feedback_about_a_notice_is_nobodys(relay: Relay, shape: str) -> None:
    sent = a_notice(relay) | {"shape": shape, "tags": None}
    Profile.objects.update(blocks_spam=False)

    unknown = (Recorded(RecordReason.UNKNOWN_RECIPIENT),)
    assert relay.notify(complaint(ADDRESS, **sent)) == unknown
    assert relay.notify(bounce(ADDRESS, **sent, **AS_SPAM)) == unknown

    assert_nothing_is_blocked()


def test_a_forwarded_mail_that_is_reported_still_counts(relay: Relay) -> None:
    a_mask(an_owner())
    relay.arrive("x7k2@masks.example")
    tags = dict(relay.mailer.sent[0].tags)

    outcomes = relay.notify(complaint(ADDRESS, shape="eventType", tags=tags))

    assert outcomes == (Recorded(RecordReason.SPAM_BLOCKING_ON),)
