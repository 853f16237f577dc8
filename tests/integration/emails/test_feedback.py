"""Bounces and complaints change the owner or the mask once, in both of SES's formats."""

from typing import Any

import pytest

from emails.models import MailboxBreaker, Profile, RandomMask
from emails.values.errors import NotFinished
from emails.values.outcomes import (
    Blocked,
    BlockReason,
    Held,
    HeldReason,
    Recorded,
    RecordReason,
    RetryReason,
)
from tests.integration.emails.conftest import Relay, a_domain_mask, a_mask, an_owner
from tests.unit.emails.builders import bounce, complaint

SHAPES = pytest.mark.parametrize("shape", ["notificationType", "eventType"])


@SHAPES
@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        ({}, RecordReason.HARD_BOUNCE),
        (
            {"kind": "Transient", "diagnostic": "smtp; 452 4.2.2 over quota"},
            RecordReason.SOFT_BOUNCE,
        ),
    ],
)
def test_a_bounce_of_the_mailbox_holds_the_owners_mail(
    relay: Relay, shape: str, evidence: dict[str, Any], reason: RecordReason
) -> None:
    a_mask(an_owner())

    assert relay.notify(bounce("Ann@Owner.Example", shape=shape, **evidence)) == (Recorded(reason),)

    assert relay.arrive("x7k2@masks.example") == (Held(HeldReason.MAILBOX),)


@pytest.mark.parametrize("registered", ["ann@owner.example", "Ann@Owner.Example"])
@pytest.mark.parametrize("bounced", ["ann@owner.example", "ANN@owner.example"])
def test_a_bounce_finds_its_owner_whatever_the_case(
    relay: Relay, registered: str, bounced: str
) -> None:
    """Lesson 21."""
    a_mask(an_owner(registered))

    assert relay.notify(bounce(bounced)) == (Recorded(RecordReason.HARD_BOUNCE),)


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        # Lesson 6.
        ({"status": "5.3.4"}, RecordReason.BOUNCE_NOT_ABOUT_MAILBOX),
        # Lesson 43.
        ({"status": "5.7.1", "action": "failed"}, RecordReason.BOUNCE_NOT_ABOUT_MAILBOX),
        ({"kind": "Transient"}, RecordReason.AUTOMATIC_ANSWER),
        ({"kind": "Transient", "action": "delayed"}, RecordReason.BOUNCE_NOT_FINAL),
    ],
)
def test_a_bounce_that_is_not_about_the_mailbox_pauses_nobody(
    relay: Relay, evidence: dict[str, Any], reason: RecordReason
) -> None:
    a_mask(an_owner())

    assert relay.notify(bounce("ann@owner.example", **evidence)) == (Recorded(reason),)

    assert not MailboxBreaker.objects.exists()
    assert Profile.objects.get().blocks_spam is False


def test_a_bounce_that_says_spam_turns_on_spam_blocking_instead_of_a_pause(relay: Relay) -> None:
    a_mask(an_owner())

    relay.notify(bounce("ann@owner.example", diagnostic="554 rejected as spam"))

    assert Profile.objects.get().blocks_spam
    assert not MailboxBreaker.objects.exists()


def test_a_mailbox_whose_name_is_spam_is_gone_and_blocks_nothing(relay: Relay) -> None:
    a_mask(an_owner())

    outcomes = relay.notify(
        bounce("ann@owner.example", diagnostic="smtp; 550 5.1.1 user spam unknown")
    )

    assert outcomes == (Recorded(RecordReason.HARD_BOUNCE),)
    assert Profile.objects.get().blocks_spam is False


def test_each_bounced_recipient_is_settled_and_unknown_ones_are_counted(relay: Relay) -> None:
    a_mask(an_owner())

    outcomes = relay.notify(
        bounce("nobody@owner.example", "ann@owner.example", "no address", "\ud800")
    )

    assert outcomes == (
        Recorded(RecordReason.UNKNOWN_RECIPIENT),
        Recorded(RecordReason.HARD_BOUNCE),
        Recorded(RecordReason.UNKNOWN_RECIPIENT),
        Recorded(RecordReason.UNKNOWN_RECIPIENT),
    )


def test_the_bounce_of_a_reply_does_not_pause_the_owner(relay: Relay) -> None:
    an_owner()

    notification = bounce("ann@owner.example", shape="eventType", tags={"kind": "reply"})

    assert relay.notify(notification) == (Recorded(RecordReason.REPLY_BOUNCED),)
    assert not MailboxBreaker.objects.exists()


@pytest.mark.parametrize("trace", ["tag", "sender", "encoded sender"])
def test_the_first_complaint_blocks_spam_and_the_second_disables_the_mask(
    relay: Relay, trace: str
) -> None:
    mask = a_mask(an_owner(language="fr"))
    traces: dict[str, dict[str, Any]] = {
        "tag": {"shape": "eventType", "source": "", "tags": {"mask": f"random-{mask.pk}"}},
        "sender": {"source": "X7K2@masks.example"},
        "encoded sender": {"source": "=?utf-8?b?Qm9i?= <x7k2@masks.example>"},
    }
    how = traces[trace]

    first = relay.notify(complaint("ann@owner.example", **how))
    second = relay.notify(complaint("ann@owner.example", **how))
    third = relay.notify(complaint("ann@owner.example", **how))

    assert first == (Recorded(RecordReason.SPAM_BLOCKING_ON),)
    assert second == (Recorded(RecordReason.MASK_DISABLED),)
    assert third == (Recorded(RecordReason.MASK_ALREADY_DISABLED),)
    assert relay.arrive("x7k2@masks.example") == (Blocked(BlockReason.BLOCKS_ALL),)
    assert relay.notices() == ["spam_blocking_on", "mask_disabled"]
    assert {notice.recipient for notice in relay.mailer.sent} == {"ann@owner.example"}
    assert all(b"masque" in notice.raw for notice in relay.mailer.sent)


def test_a_redelivered_complaint_counts_once(relay: Relay) -> None:
    """Lesson 13."""
    a_mask(an_owner())
    notification = complaint("ann@owner.example")

    outcomes = {relay.notify(notification, "complaint-1") for _ in range(3)}

    assert outcomes == {(Recorded(RecordReason.SPAM_BLOCKING_ON),)}
    assert RandomMask.objects.get().block == "none"


def test_a_redelivered_bounce_opens_nothing_again(relay: Relay) -> None:
    a_mask(an_owner())
    notification = bounce("ann@owner.example")
    relay.notify(notification, "bounce-1")
    MailboxBreaker.objects.all().delete()

    relay.notify(notification, "bounce-1")

    assert not MailboxBreaker.objects.exists()


def test_a_notice_that_failed_is_sent_when_the_complaint_comes_again(relay: Relay) -> None:
    a_mask(an_owner(blocks_spam=True))
    notification = complaint("ann@owner.example")
    relay.mailer.fails = [NotFinished(RetryReason.SENDER_THROTTLED)]

    with pytest.raises(NotFinished):
        relay.notify(notification, "complaint-1")
    for _ in range(2):
        relay.notify(notification, "complaint-1")

    assert len(relay.mailer.sent) == 1


def test_a_domain_mask_is_disabled_like_any_other(relay: Relay) -> None:
    mask = a_domain_mask(an_owner(is_premium=True, subdomain="ann", blocks_spam=True))

    relay.notify(complaint("ann@owner.example", source=mask.address))

    mask.refresh_from_db()
    assert mask.block == "all"
