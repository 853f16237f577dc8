"""A held mail's end: it expires, or its owner is gone, and then it is deleted from S3."""

from datetime import timedelta

from emails.models import HeldMail, Profile
from emails.store import held
from emails.store.held import RELEASE_GRACE
from emails.values.errors import Unavailable
from runtime.dependencies import Dependency
from tests.integration.emails.conftest import Relay, an_owner
from tests.integration.emails.releasing.conftest import ended, hold, row


def test_what_nobody_released_in_time_expires_and_is_deleted(relay: Relay, owner: Profile) -> None:
    hold(relay)
    relay.now += timedelta(days=30) - timedelta(seconds=1)
    relay.tidy_held()
    assert row().state == "held"

    relay.now += timedelta(seconds=1)
    relay.tidy_held()

    assert ended() == ("cleared", "expired", "spam")
    assert relay.mail_store.mails == {}


def test_what_can_not_be_released_for_a_week_expires(relay: Relay, owner: Profile) -> None:
    held.release([hold(relay)])
    relay.now += timedelta(days=30) + RELEASE_GRACE - timedelta(seconds=1)
    relay.tidy_held()
    assert row().state == "releasing"

    relay.now += timedelta(seconds=1)
    relay.tidy_held()

    assert ended() == ("cleared", "expired", "spam")


def test_without_its_owner_a_mail_ends_though_it_has_no_mask_yet(relay: Relay) -> None:
    profile = an_owner(is_premium=True, subdomain="ann", blocks_spam=True)
    hold(relay, to="shop@ann.masks.example")
    profile.user.delete()

    relay.tidy_held()

    assert ended() == ("cleared", "nomask", "deleted")
    assert relay.mail_store.mails == {}


def test_a_row_stays_until_its_mail_is_deleted(relay: Relay, owner: Profile) -> None:
    held.discard([hold(relay), hold(relay)], relay.now)
    stuck = HeldMail.objects.earliest("pk")
    relay.mail_store.kept = {stuck.key: "InternalError"}
    relay.mail_store.delete_fails = [Unavailable("mail_store_unavailable", Dependency.S3)]

    relay.tidy_held()
    assert set(HeldMail.objects.values_list("state", flat=True)) == {"ended"}
    relay.tidy_held()
    assert list(HeldMail.objects.filter(state="ended")) == [stuck]
    relay.mail_store.kept = {}
    relay.tidy_held()

    assert relay.mail_store.mails == {}
    assert set(HeldMail.objects.values_list("state", flat=True)) == {"cleared"}
