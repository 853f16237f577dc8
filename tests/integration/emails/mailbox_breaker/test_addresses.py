"""An address that bounced says nothing about the owner's next one."""

from django.contrib.auth import get_user_model

from emails.models import MailboxBreaker, Profile
from emails.values.outcomes import Recorded, RecordReason
from tests.integration.emails.conftest import FORWARDED, Relay
from tests.integration.emails.mailbox_breaker.conftest import (
    HELD,
    HOUR,
    MASK,
    bounce_of,
    open_breaker,
    pass_time,
    run_jobs,
)


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
