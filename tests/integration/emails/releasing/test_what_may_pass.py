"""An owner who can't have mail for now loses none that is held."""

from datetime import timedelta

import pytest

from emails.flow import mailbox_probes
from emails.models import Delivery, HeldMail, MailboxBreaker, Profile
from emails.store import held, held_releases
from emails.values.outcomes import HeldReason
from tests.integration.emails.conftest import Relay, an_owner
from tests.integration.emails.releasing.conftest import HOUR, hold

REASONS = [HeldReason.SPAM, HeldReason.MAILBOX, HeldReason.SENDER_LIMIT]


def set_active(owner: Profile, *, is_active: bool) -> None:
    owner.user.is_active = is_active
    owner.user.save()


def run_all_jobs(relay: Relay) -> None:
    relay.pass_time(timedelta(days=1))
    for _ in range(3):
        mailbox_probes.drive(relay.ports(), relay.now)
        held_releases.release_after_limits(relay.now)
        relay.release_held()
        relay.tidy_held()


@pytest.mark.parametrize("is_breaker_open", [False, True])
@pytest.mark.parametrize("reason", REASONS)
def test_the_held_mail_of_a_deactivated_owner_waits(
    relay: Relay, owner: Profile, reason: HeldReason, is_breaker_open: bool
) -> None:
    hold(relay)
    hold(relay)
    HeldMail.objects.update(reason=reason)
    if is_breaker_open:
        MailboxBreaker.objects.create(
            profile=owner,
            address="ann@owner.example",
            meaning="gone",
            opened_at=relay.now,
            wait=HOUR,
            next_probe_at=relay.now - timedelta(days=36500),
        )
    set_active(owner, is_active=False)

    run_all_jobs(relay)

    assert relay.mailer.sent == []
    assert {(mail.reason, mail.waived) for mail in held.find_held()} == {(reason, frozenset())}
    assert HeldMail.objects.filter(state="held", releases=0).count() == 2, "nobody tried"
    assert len(relay.mail_store.mails) == 2


@pytest.mark.parametrize("reason", [HeldReason.MAILBOX, HeldReason.SENDER_LIMIT])
def test_active_again_the_owner_gets_it(relay: Relay, owner: Profile, reason: HeldReason) -> None:
    hold(relay)
    HeldMail.objects.update(reason=reason)
    Profile.objects.update(blocks_spam=False)
    set_active(owner, is_active=False)
    run_all_jobs(relay)
    set_active(owner, is_active=True)

    run_all_jobs(relay)

    assert len(relay.forwarded()) == 1


def test_what_somebody_released_for_a_deactivated_owner_is_held_again(
    relay: Relay, owner: Profile
) -> None:
    held.release([hold(relay)])
    set_active(owner, is_active=False)

    relay.release_held()

    assert [mail.reason for mail in held.find_held()] == [HeldReason.SPAM]
    assert Delivery.objects.latest("pk").outcome == "held"
    set_active(owner, is_active=True)
    held.release([held.find_held()[0].id])
    relay.release_held()
    assert len(relay.mailer.sent) == 1


def test_a_mail_to_a_new_mask_waits_while_its_owner_has_no_premium(relay: Relay) -> None:
    owner = an_owner(is_premium=True, subdomain="ann", blocks_spam=True)
    held.release([hold(relay, to="shop@ann.masks.example")])
    Profile.objects.update(is_premium=False)

    relay.release_held()

    (mail,) = held.find_held()
    Profile.objects.filter(pk=owner.pk).update(is_premium=True)
    held.release([mail.id])
    relay.release_held()
    assert len(relay.mailer.sent) == 1
