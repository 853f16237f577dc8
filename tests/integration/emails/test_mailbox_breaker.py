"""A mailbox that bounces: its owner's mail is held, probed, and released when a probe arrives."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db.models import F

from emails.flow import mailbox_probes
from emails.models import Delivery, HeldMail, MailboxBreaker, Profile
from emails.store import mailbox_breakers
from emails.values.outcomes import Held, HeldReason, Recorded, RecordReason
from tests.integration.emails.conftest import FORWARDED, RAW, Relay, a_mask, an_owner
from tests.integration.emails.test_releasing import events_arrive, killed_at
from tests.unit.emails.builders import POLICY, bounce

MASK = "x7k2@masks.example"
HELD = (Held(HeldReason.MAILBOX),)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
WAIT = POLICY.probe_wait


@pytest.fixture
def owner(relay: Relay) -> Profile:
    """An owner with a mask."""
    profile = an_owner()
    a_mask(profile)
    return profile


def pass_time(passed: timedelta) -> None:
    """Let time pass for the breakers, by the database's clock."""
    MailboxBreaker.objects.update(
        next_probe_at=F("next_probe_at") - passed,
        probe_sent_at=F("probe_sent_at") - passed,
        opened_at=F("opened_at") - passed,
    )


def run_jobs(relay: Relay) -> None:
    """Run the jobs of a minute."""
    mailbox_probes.drive(relay.ports(), relay.now)
    relay.release_held()


def bounce_of(relay: Relay, number: int, **evidence: Any) -> dict[str, Any]:
    """The bounce of the mail that was sent as number so-and-so: its mailbox is gone."""
    sent = relay.mailer.sent[number]
    said = {"status": "5.1.1", "action": "failed", "destination": [sent.recipient]}
    return bounce(sent.recipient, shape="eventType", tags=dict(sent.tags), **said | evidence)


def open_breaker(relay: Relay, **evidence: Any) -> None:
    """Forward a mail, and let it bounce."""
    assert relay.arrive(MASK) == (FORWARDED,)
    relay.notify(bounce_of(relay, -1, **evidence))


def steps() -> list[int]:
    return list(MailboxBreaker.objects.values_list("step", flat=True))


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


def test_a_probe_that_bounces_is_held_again_and_the_next_one_waits_longer(
    relay: Relay, owner: Profile
) -> None:
    open_breaker(relay)
    relay.arrive(MASK)
    for number, wait in enumerate([*POLICY.probe_after, POLICY.probe_after[-1]], 1):
        pass_time(wait - MINUTE)
        run_jobs(relay)
        assert len(relay.mailer.sent) == number
        pass_time(MINUTE)
        run_jobs(relay)
        assert len(relay.mailer.sent) == number + 1

        relay.notify(bounce_of(relay, -1))

        assert steps() == [number]
        assert HeldMail.objects.get().state == "held"
    relay.now += WAIT * 3
    relay.tidy_held()
    assert len(relay.mail_store.mails) == 1, "the probe's mail is still in S3"


def test_older_mails_that_bounce_skip_no_step(relay: Relay, owner: Profile) -> None:
    for _ in range(3):
        relay.arrive(MASK)
    for number in range(2):
        relay.notify(bounce_of(relay, number))
    due = MailboxBreaker.objects.get().next_probe_at
    relay.arrive(MASK)
    pass_time(HOUR)
    run_jobs(relay)

    relay.notify(bounce_of(relay, 2))

    assert steps() == [0]
    assert MailboxBreaker.objects.get().next_probe_at == due - HOUR
    assert MailboxBreaker.objects.get().probe is not None
    relay.notify(bounce_of(relay, 3))
    relay.notify(bounce_of(relay, 3))
    assert steps() == [1]


@pytest.mark.parametrize("is_noted", [True, False])
def test_without_tags_the_probe_is_known_by_sess_id(
    relay: Relay, owner: Profile, is_noted: bool
) -> None:
    open_breaker(relay)
    relay.arrive(MASK)
    pass_time(HOUR)
    run_jobs(relay)
    breaker = MailboxBreaker.objects.get()
    assert breaker.probe_ses_id
    if not is_noted:
        MailboxBreaker.objects.update(probe_ses_id="")
    ann = "ann@owner.example"

    if is_noted:
        relay.notify(bounce(ann, status="5.1.1", destination=[ann], messageId="another"))
        assert steps() == [0]
    relay.notify(bounce(ann, status="5.1.1", destination=[ann], messageId=breaker.probe_ses_id))

    assert steps() == [1]
    assert HeldMail.objects.get().state == "held"


def test_a_probe_that_bounces_before_it_is_recorded_is_held_again(
    relay: Relay, owner: Profile
) -> None:
    """SES may be faster than our database."""
    open_breaker(relay)
    relay.arrive(MASK)
    pass_time(HOUR)
    mailbox_probes.drive(relay.ports(), relay.now)
    send = relay.mailer.send

    def send_and_bounce(mail: Any) -> str:
        ses_id = send(mail)
        relay.notify(bounce_of(relay, -1))
        return ses_id

    relay.mailer.send = send_and_bounce  # type: ignore[method-assign]
    relay.release_held()

    assert steps() == [1]
    assert HeldMail.objects.get().state == "held"
    assert MailboxBreaker.objects.get().probe is None


def test_a_new_address_closes_the_old_ones_breaker(relay: Relay, owner: Profile) -> None:
    open_breaker(relay)
    relay.arrive(MASK)
    get_user_model().objects.update(email="ann@new.example")

    assert relay.arrive(MASK) == (FORWARDED,)
    run_jobs(relay)

    assert not MailboxBreaker.objects.exists()
    assert [mail.recipient for mail in relay.forwarded()[1:]] == ["ann@new.example"] * 2
    assert relay.mailer.mail_to("ann@owner.example")["Subject"] == "Hello"
    assert relay.notices() == ["mailbox_back"]


def test_the_old_addresss_bounce_opens_nothing_but_its_released_mail_goes_to_the_new_one(
    relay: Relay, owner: Profile
) -> None:
    open_breaker(relay)
    relay.arrive(MASK)
    pass_time(HOUR)
    run_jobs(relay)
    get_user_model().objects.update(email="ann@new.example")

    outcomes = relay.notify(bounce_of(relay, 1))
    run_jobs(relay)

    assert outcomes == (Recorded(RecordReason.BOUNCE_OF_FORMER_ADDRESS),)
    assert not MailboxBreaker.objects.exists()
    assert relay.mailer.sent[-1].recipient == "ann@new.example"


def test_the_new_address_may_bounce_too(relay: Relay, owner: Profile) -> None:
    open_breaker(relay)
    get_user_model().objects.update(email="ann@new.example")
    relay.arrive(MASK)

    relay.notify(bounce_of(relay, -1))

    assert MailboxBreaker.objects.get().address == "ann@new.example"
    assert relay.arrive(MASK) == HELD


def test_where_bounces_take_hours_a_probe_has_hours_to_bounce(relay: Relay, owner: Profile) -> None:
    """SES tries for long where a server says "later"; ten minutes of silence prove nothing."""
    open_breaker(relay, kind="Transient", status="4.4.7", timestamp="2030-05-17T03:59:00.000Z")
    relay.arrive(MASK)
    pass_time(HOUR)
    run_jobs(relay)
    pass_time(9 * HOUR)
    run_jobs(relay)
    assert MailboxBreaker.objects.exists()
    relay.now += HOUR
    relay.tidy_held()
    assert HeldMail.objects.get().state == "ended", "kept for as long as it may bounce"

    pass_time(HOUR)
    run_jobs(relay)

    assert not MailboxBreaker.objects.exists()


def test_the_owner_of_a_probe_that_was_not_sent_gets_another(relay: Relay, owner: Profile) -> None:
    open_breaker(relay)
    for _ in range(2):
        relay.arrive(MASK)
    pass_time(HOUR)
    mailbox_probes.drive(relay.ports(), relay.now)
    HeldMail.objects.filter(state="releasing").update(
        state="ended", outcome="dropped", outcome_reason="virus", ended_at=relay.now
    )

    for _ in range(2):
        run_jobs(relay)

    assert len(relay.mailer.sent) == 2


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


def test_due_breakers_without_mail_leave_room_for_the_others(relay: Relay, owner: Profile) -> None:
    a_mask(an_owner("bob@owner.example"), local="b1")
    open_breaker(relay)
    pass_time(HOUR)
    relay.arrive("b1@masks.example")
    relay.notify(bounce_of(relay, -1))
    relay.arrive("b1@masks.example")
    pass_time(HOUR)

    (due,) = mailbox_breakers.find_due(1)

    assert due.breaker.owner_id != owner.pk


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


# --- kills ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_carried_out", [True, False])
@pytest.mark.parametrize("statement", range(1, 34, 2))
def test_wherever_a_job_is_killed_the_next_ones_finish_its_work(
    relay: Relay, owner: Profile, statement: int, is_carried_out: bool
) -> None:
    """Every mail is sent once, and the breaker closes."""
    relay.with_policy(send_event_wait=timedelta(seconds=60))
    relay.send_notes.kept_for = timedelta(days=1)
    open_breaker(relay)
    for number in range(3):
        relay.arrive(MASK, raw=RAW.replace(b"Hello", b"No. %d" % number))
    for passed in (HOUR, WAIT):
        pass_time(passed)
        with killed_at(statement, is_carried_out=is_carried_out):
            run_jobs(relay)
        events_arrive(relay)
    for _ in range(5):
        relay.pass_time(HOUR)
        pass_time(HOUR)
        run_jobs(relay)

    subjects = [mail.raw.partition(b"Subject: ")[2][:5] for mail in relay.forwarded()[1:]]
    assert sorted(subjects) == [b"No. 0", b"No. 1", b"No. 2"]
    assert relay.notices() == ["mailbox_back"]
    assert not MailboxBreaker.objects.exists()
    assert not HeldMail.objects.exclude(state="ended").exists()
