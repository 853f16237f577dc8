"""A released mail that bounces is held again."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from emails.flow.clearing import clear_ended_mails
from emails.models import HeldMail, MailboxBreaker, Profile
from emails.store import held, held_releases
from emails.store.held import KEPT_AFTER_FORWARDING
from emails.values.errors import NotFinished
from emails.values.outcomes import HeldReason, Recorded, RecordReason
from tests.fakes import FakeMailStore
from tests.integration.emails.conftest import Relay, a_mask, an_owner
from tests.integration.emails.releasing.conftest import MASK, hold
from tests.unit.emails.builders import bounce


def test_a_bounce_holds_a_released_mail_again(relay: Relay, owner: Profile) -> None:
    """So a probe of a broken mailbox costs no mail."""
    held.release([hold(relay), hold(relay)])
    relay.release_held()
    tags = dict(relay.mailer.sent[1].tags)
    delivery = tags["delivery"]

    assert held_releases.hold_bounced(delivery, HeldReason.MAILBOX)
    assert not held_releases.hold_bounced(delivery, HeldReason.MAILBOX)
    relay.now += KEPT_AFTER_FORWARDING
    relay.tidy_held()

    (mail,) = held.find_held()
    assert mail.reason is HeldReason.MAILBOX
    assert [*relay.mail_store.mails] == [mail.mail]
    number, _, digits = delivery.partition("-")
    for other in (number, f"{number}-{digits[::-1]}", f"{'9' * 30}-{digits}", "x-y", ""):
        assert not held_releases.hold_bounced(other, HeldReason.MAILBOX)
    held.release([mail.id])
    relay.release_held()
    assert len(relay.mailer.sent) == 3


def test_only_the_recipient_whose_mail_bounced_has_it_held_again(relay: Relay) -> None:
    a_mask(an_owner("ann@owner.example", blocks_spam=True))
    a_mask(an_owner("eve@owner.example", blocks_spam=True), "y8m3")
    relay.arrive(MASK, "y8m3@masks.example", spam="FAIL")
    first, second = held.find_held()
    held.release([first.id, second.id])
    relay.release_held()
    (bounced,) = (sent for sent in relay.mailer.sent if sent.sender == "y8m3@masks.example")
    delivery = dict(bounced.tags)["delivery"]

    assert held_releases.hold_bounced(delivery, HeldReason.MAILBOX)

    assert [mail.id for mail in held.find_held()] == [second.id]


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        ({"status": "5.7.1"}, RecordReason.BOUNCE_NOT_ABOUT_MAILBOX),
        ({"status": "5.3.4"}, RecordReason.BOUNCE_NOT_ABOUT_MAILBOX),
        ({"kind": "Undetermined"}, RecordReason.BOUNCE_NOT_ABOUT_MAILBOX),
        ({"diagnostic": "554 5.7.1 rejected as spam"}, RecordReason.BOUNCED_AS_SPAM),
    ],
)
def test_a_released_mail_that_the_owners_server_refuses_is_held_again(
    relay: Relay, owner: Profile, evidence: dict[str, str], reason: RecordReason
) -> None:
    """It did not arrive, and is still there."""
    held.release([hold(relay), hold(relay)])
    relay.release_held()
    tags = dict(relay.mailer.sent[1].tags)

    outcomes = relay.notify(bounce("ann@owner.example", shape="eventType", tags=tags, **evidence))
    relay.now += KEPT_AFTER_FORWARDING
    relay.tidy_held()

    assert outcomes == (Recorded(reason),)
    (mail,) = held.find_held()
    assert mail.reason is HeldReason.CANNOT_BE_SENT
    assert [*relay.mail_store.mails] == [mail.mail]
    assert not MailboxBreaker.objects.exists()


@pytest.mark.parametrize("says", [{"kind": "Transient"}, {"action": "delayed", "status": "4.2.2"}])
def test_a_released_mail_that_is_late_or_answered_is_not_held_again(
    relay: Relay, owner: Profile, says: dict[str, str]
) -> None:
    held.release([hold(relay)])
    relay.release_held()
    tags = dict(relay.mailer.sent[0].tags)

    relay.notify(bounce("ann@owner.example", shape="eventType", tags=tags, **says))

    assert held.find_held() == ()


def test_a_bounce_that_comes_while_its_mail_is_deleted_does_not_hold_what_is_gone(
    transactional_db: None,
) -> None:
    relay = Relay()
    a_mask(an_owner(blocks_spam=True))
    held.release([hold(relay)])
    relay.release_held()
    delivery = dict(relay.mailer.sent[0].tags)["delivery"]
    relay.now += KEPT_AFTER_FORWARDING

    def bounces(bucket: str, keys: Sequence[str]) -> dict[str, str]:
        with ThreadPoolExecutor(1) as pool:
            bounced = pool.submit(in_another_connection, delivery)
            with pytest.raises(NotFinished, match="database_busy"):
                bounced.result()
        return FakeMailStore.delete(relay.mail_store, bucket, keys)

    relay.mail_store.delete = bounces  # type: ignore[method-assign]
    clear_ended_mails(relay.mail_store, relay.now)

    assert relay.mail_store.mails == {}
    assert not in_another_connection(delivery)
    assert HeldMail.objects.get().state == "cleared"


def in_another_connection(delivery: str) -> bool:
    try:
        return held_releases.hold_bounced(delivery, HeldReason.MAILBOX)
    finally:
        connection.close()
