"""A mailbox that bounces: its owner's mail is held, probed, and released when a probe arrives."""

from typing import Any

import pytest

from emails.models import Delivery, HeldMail, MailboxBreaker, Profile
from emails.values.outcomes import Recorded, RecordReason
from tests.integration.emails.conftest import FORWARDED, Relay, a_mask, an_owner
from tests.integration.emails.mailbox_breaker.conftest import (
    HELD,
    HOUR,
    MASK,
    MINUTE,
    WAIT,
    bounce_of,
    open_breaker,
    pass_time,
    run_jobs,
)


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        ({}, RecordReason.HARD_BOUNCE),
        ({"status": "5.2.2"}, RecordReason.SOFT_BOUNCE),
        ({"kind": "Transient", "status": "4.4.7"}, RecordReason.SOFT_BOUNCE),
    ],
)
def test_a_bounce_of_the_mailbox_opens_its_breaker_and_mail_is_held(
    relay: Relay, owner: Profile, evidence: dict[str, Any], reason: RecordReason
) -> None:
    relay.arrive(MASK)

    assert relay.notify(bounce_of(relay, 0, **evidence)) == (Recorded(reason),)

    assert relay.arrive(MASK) == HELD
    assert len(relay.mailer.sent) == 1
    assert HeldMail.objects.get().owner == owner


@pytest.mark.parametrize(
    "evidence",
    [
        {"status": "5.7.1"},
        {"status": "5.3.4"},
        {"kind": "Transient", "status": "", "action": ""},
        {"status": "4.2.2", "action": "delayed"},
    ],
)
def test_other_bounces_change_nothing(
    relay: Relay, owner: Profile, evidence: dict[str, Any]
) -> None:
    open_breaker(relay, **evidence)

    assert relay.arrive(MASK) == (FORWARDED,)
    assert not MailboxBreaker.objects.exists()


def test_a_probe_that_arrives_releases_the_rest_oldest_first(relay: Relay, owner: Profile) -> None:
    open_breaker(relay)
    bodies = [f"Subject: {n}\r\nFrom: b@sender.example\r\n\r\n{n}\r\n".encode() for n in range(3)]
    for body in bodies:
        assert relay.arrive(MASK, raw=body) == HELD

    run_jobs(relay)
    assert len(relay.mailer.sent) == 1, "not due yet"
    pass_time(HOUR)
    run_jobs(relay)
    run_jobs(relay)
    assert len(relay.mailer.sent) == 2, "one probe"
    pass_time(WAIT - MINUTE)
    run_jobs(relay)
    assert len(relay.mailer.sent) == 2
    pass_time(MINUTE)
    run_jobs(relay)

    assert not MailboxBreaker.objects.exists()
    subjects = [mail.raw.partition(b"Subject: ")[2][:1] for mail in relay.forwarded()[1:]]
    assert subjects == [b"0", b"1", b"2"]
    assert relay.notices() == ["mailbox_back"]
    assert relay.arrive(MASK) == (FORWARDED,)


def test_mail_without_a_breaker_is_released_however_the_breaker_went(
    relay: Relay, owner: Profile
) -> None:
    """A job killed between closing and releasing; a worker that read the breaker just before."""
    open_breaker(relay)
    relay.arrive(MASK)
    MailboxBreaker.objects.all().delete()

    run_jobs(relay)

    assert len(relay.forwarded()) == 2
    assert relay.notices() == ["mailbox_back"]


def test_one_owners_breaker_holds_nobody_elses_mail(relay: Relay, owner: Profile) -> None:
    a_mask(an_owner("bob@owner.example"), local="b1")
    open_breaker(relay)

    assert relay.arrive("b1@masks.example") == (FORWARDED,)


def test_a_mail_that_ses_has_is_not_held_after_all(relay: Relay, owner: Profile) -> None:
    """It was sent, its record failed, and then the breaker opened: holding would send it twice."""
    relay.arrive(MASK)
    identity = "5ed1a2a2-0000-4000-8000-0000000000aa"
    relay.arrive(MASK, sns_message_id=identity, key="key-9")
    delivery = Delivery.objects.get(sns_message_id=identity)
    reference = dict(relay.mailer.sent[-1].tags)["delivery"]
    Delivery.objects.filter(pk=delivery.pk).update(
        state="claimed", claimed_until=relay.now - HOUR, outcome="", reason="", finished_at=None
    )
    relay.send_notes.note_sent(reference, "0100-sent")
    relay.notify(bounce_of(relay, 0))

    assert relay.arrive(MASK, sns_message_id=identity, key="key-9") == (FORWARDED,)
    assert len(relay.mailer.sent) == 2
    assert not HeldMail.objects.exists()


def test_an_operator_closes_it(relay: Relay, owner: Profile, admin_client: Any) -> None:
    open_breaker(relay)
    relay.arrive(MASK)
    row = MailboxBreaker.objects.get()
    page = "/admin/emails/mailboxbreaker/"

    shown = (
        admin_client.get(page, secure=True).content.decode()
        + admin_client.get(f"{page}{row.pk}/change/", secure=True).content.decode()
    )
    chosen = {"action": "close", "_selected_action": [row.pk]}
    admin_client.post(page, chosen, secure=True)
    run_jobs(relay)

    assert "gone" in shown
    assert "ann@owner.example" not in shown
    assert not MailboxBreaker.objects.exists()
    assert len(relay.forwarded()) == 2
    assert relay.notices() == ["mailbox_back"]
