"""P6: a mail that its owner may want is held, not destroyed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from emails.models import Delivery, HeldMail, RandomMask
from emails.store import held
from emails.values.errors import NotFinished, Unavailable
from emails.values.facts import MaskKind, MaskRef, Verdict
from emails.values.held import HeldState, NewMask
from emails.values.notifications import StoredMail
from emails.values.outcomes import Forwarded, ForwardReason, Held, HeldReason, RetryReason
from runtime.dependencies import Dependency
from tests.integration.emails.conftest import (
    RAW,
    SNS_MESSAGE_ID,
    Relay,
    TimeIsOver,
    a_domain_mask,
    a_mask,
    an_owner,
)
from tests.unit.emails.builders import BUCKET, received

SPAM = (Held(HeldReason.SPAM),)
MASK = "x7k2@masks.example"
S3_IS_AWAY = Unavailable(RetryReason.MAIL_STORE_UNAVAILABLE, Dependency.S3)


def arrive(relay: Relay, *to: str, **details: Any) -> tuple[object, ...]:
    """Deliver spam, always the same: a second call is a redelivery."""
    return relay.arrive(
        *(to or (MASK,)), key="key-1", sns_message_id=SNS_MESSAGE_ID, spam="FAIL", **details
    )


def kept(relay: Relay) -> list[bytes]:
    """The mails that are left in S3; all must be held ones."""
    assert all(mail.key.startswith("held/") for mail in relay.mail_store.mails)
    return list(relay.mail_store.mails.values())


def test_spam_for_an_owner_who_blocks_spam_is_kept_and_not_sent(relay: Relay) -> None:
    owner = an_owner(blocks_spam=True)
    mask = a_mask(owner)

    assert arrive(relay) == SPAM

    assert relay.mailer.sent == []
    assert kept(relay) == [RAW]
    (mail,) = held.find_held()
    assert (mail.owner_id, mail.target) == (owner.pk, MaskRef(MaskKind.RANDOM, mask.pk))
    assert (mail.reason, mail.size, mail.state) == (HeldReason.SPAM, len(RAW), HeldState.HELD)
    assert relay.mail_store.mails[mail.mail] == RAW
    assert mail.verdicts.spam is Verdict.FAIL
    assert (mail.received_at, mail.held_at) == (relay.now, relay.now)
    assert mail.expires_at == relay.now + timedelta(days=30)
    delivery = Delivery.objects.get()
    assert (delivery.outcome, delivery.reason) == ("held", "spam")
    assert (mail.sns_message_id, mail.recipient) == (SNS_MESSAGE_ID, delivery.recipient)
    assert RandomMask.objects.get().dropped == 0


def test_a_held_mail_is_as_old_as_ses_says(relay: Relay) -> None:
    a_mask(an_owner(blocks_spam=True))
    for timestamp in ("2030-05-17T11:58:30.000Z", "2030-05-18T00:00:00.000Z"):
        document = received(MASK, spam="FAIL", content="From: b@sender.example\r\n\r\nHi")
        document["mail"]["timestamp"] = timestamp
        relay.notify(document)

    assert [mail.received_at for mail in held.find_held()] == [
        datetime(2030, 5, 17, 11, 58, 30, tzinfo=UTC),
        relay.now,  # never in the future
    ]


def test_a_mail_within_its_notification_is_stored_first(relay: Relay) -> None:
    a_mask(an_owner(blocks_spam=True))

    outcomes = relay.notify(received(MASK, spam="FAIL", content="From: b@s.example\r\n\r\nHi"))

    assert outcomes == SPAM
    assert kept(relay) == [b"From: b@s.example\r\n\r\nHi"]
    assert held.find_held()[0].size == len(kept(relay)[0])


def test_each_recipient_is_held_or_forwarded_by_itself(relay: Relay) -> None:
    a_mask(an_owner("ann@owner.example", blocks_spam=True))
    a_mask(an_owner("eve@owner.example"), "y8m3")
    a_domain_mask(an_owner("joe@owner.example", subdomain="joe", blocks_spam=True))

    outcomes = arrive(relay, MASK, "y8m3@masks.example", "shop@joe.masks.example")

    assert outcomes == (*SPAM, Forwarded(ForwardReason.EXISTING_MASK), *SPAM)
    assert [mail.recipient for mail in relay.mailer.sent] == ["eve@owner.example"]
    assert kept(relay) == [RAW, RAW]
    kinds = {mail.target.kind for mail in held.find_held() if isinstance(mail.target, MaskRef)}
    assert kinds == {MaskKind.RANDOM, MaskKind.DOMAIN}


def test_a_mail_that_would_make_a_mask_is_held_and_makes_none(relay: Relay) -> None:
    an_owner(is_premium=True, subdomain="ann", blocks_spam=True)

    assert arrive(relay, "shop@ann.masks.example") == SPAM

    (mail,) = held.find_held()
    assert mail.target == NewMask("shop", "ann.masks.example")


def test_a_redelivery_holds_nothing_again(relay: Relay) -> None:
    a_mask(an_owner(blocks_spam=True))

    assert arrive(relay) == arrive(relay) == SPAM

    assert len(held.find_held()) == len(kept(relay)) == 1


@pytest.mark.parametrize("failure", [S3_IS_AWAY, ConnectionError("a bug"), TimeIsOver()])
def test_a_mail_that_could_not_be_copied_stays_where_it_is(
    relay: Relay, failure: BaseException
) -> None:
    a_mask(an_owner(blocks_spam=True))
    relay.mail_store.write_fails = [failure]

    with pytest.raises(type(failure)):
        arrive(relay)

    assert held.find_held() == ()
    assert [mail.key for mail in relay.mail_store.mails] == ["key-1"]
    relay.pass_time(timedelta(hours=1))
    assert arrive(relay) == SPAM
    assert len(held.find_held()) == len(kept(relay)) == 1


def test_a_mail_whose_hold_was_not_recorded_stays_and_is_held_by_the_next_attempt(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_mask(an_owner(blocks_spam=True))
    copy = relay.mail_store.copy

    def dies_afterwards(mail: StoredMail, key: str) -> int:
        copy(mail, key)
        raise TimeIsOver

    relay.mail_store.copy = dies_afterwards  # type: ignore[method-assign]
    with pytest.raises(TimeIsOver):
        arrive(relay)
    relay.mail_store.copy = copy  # type: ignore[method-assign]

    assert StoredMail(BUCKET, "key-1") in relay.mail_store.mails
    assert held.find_held() == ()
    relay.pass_time(timedelta(hours=1))
    assert arrive(relay) == SPAM
    assert len(held.find_held()) == len(kept(relay)) == 1


def test_who_was_taken_over_records_no_second_hold(relay: Relay) -> None:
    """Its successor forwarded the mail meanwhile: the owner no longer blocks spam."""
    owner = an_owner(blocks_spam=True)
    a_mask(owner)
    copy = relay.mail_store.copy

    def sleeps_for_long(mail: StoredMail, key: str) -> int:
        relay.mail_store.copy = copy  # type: ignore[method-assign]
        relay.pass_time(timedelta(hours=1))
        owner.blocks_spam = False
        owner.save()
        assert arrive(relay) == (Forwarded(ForwardReason.EXISTING_MASK),)
        relay.mail_store.mails[StoredMail(BUCKET, "key-1")] = RAW
        return copy(mail, key)

    relay.mail_store.copy = sleeps_for_long  # type: ignore[method-assign]
    arrive(relay)

    assert HeldMail.objects.count() == 0
    assert Delivery.objects.get().outcome == "forwarded"


def test_a_mail_that_is_gone_gets_some_time(relay: Relay) -> None:
    a_mask(an_owner(blocks_spam=True))

    with pytest.raises(NotFinished) as failure:
        relay.notify(received(MASK, spam="FAIL"))

    assert failure.value.reason == "mail_missing"


def test_nothing_of_a_mail_is_in_the_table(relay: Relay) -> None:
    a_mask(an_owner(blocks_spam=True))
    arrive(relay, source="bob@sender.example")

    (row,) = HeldMail.objects.values()
    text = " ".join(map(str, row.values())).lower()
    assert not any(word in text for word in ("bob", "hello", "ann@", "x7k2"))
