"""The probe decides: it bounces, and the next one waits longer, or it doesn't, and all follows."""

from datetime import timedelta
from typing import Any

import pytest

from emails.flow import mailbox_probes
from emails.models import HeldMail, MailboxBreaker, Profile
from emails.store import held, mailbox_breakers
from emails.values.outcomes import HeldReason
from tests.integration.emails.conftest import RAW, Relay, a_mask, an_owner
from tests.integration.emails.kills import events_arrive, killed_at
from tests.integration.emails.mailbox_breaker.conftest import (
    HOUR,
    MASK,
    MINUTE,
    WAIT,
    bounce_of,
    open_breaker,
    pass_time,
    run_jobs,
    steps,
)
from tests.unit.emails.builders import POLICY, bounce


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


def test_a_probe_that_is_refused_for_its_content_is_held_and_the_rest_follows(
    relay: Relay, owner: Profile
) -> None:
    """Its server answers about this mail, so the mailbox is there."""
    open_breaker(relay)
    for _ in range(3):
        relay.arrive(MASK)
    pass_time(HOUR)
    run_jobs(relay)
    relay.notify(bounce_of(relay, 1, status="5.7.1"))
    assert held.find_held(reason=HeldReason.CANNOT_BE_SENT)
    run_jobs(relay)
    assert len(relay.mailer.sent) == 2, "it may bounce for the mailbox, too"

    pass_time(WAIT)
    run_jobs(relay)
    run_jobs(relay)

    assert not MailboxBreaker.objects.exists()
    assert len(relay.forwarded()) == 4
    (refused,) = held.find_held()
    assert refused.reason is HeldReason.CANNOT_BE_SENT


def test_operators_see_how_long_a_probe_waits(relay: Relay, owner: Profile) -> None:
    open_breaker(relay)
    relay.arrive(MASK)
    pass_time(HOUR)

    mailbox_probes.drive(relay.ports(), relay.now)

    assert held.find_oldest_release() is not None
