"""The one free reply: who gets it, and that no failed attempt uses it up."""

from datetime import timedelta

import pytest

from emails.models import Profile, RandomMask
from emails.values.errors import NotFinished
from emails.values.outcomes import Dropped, DropReason, Replied, ReplyReason
from tests.integration.emails.conftest import Relay, a_mask, an_owner
from tests.integration.emails.replies.conftest import THROTTLED, a_forwarded_mail, answer


def test_a_free_owners_first_reply_is_sent_with_a_notice_and_later_ones_get_the_notice_only(
    relay: Relay,
) -> None:
    a_mask(an_owner())
    quoted = a_forwarded_mail(relay)

    assert answer(relay, {"In-Reply-To": quoted}) == Replied(ReplyReason.FIRST_REPLY)
    assert [mail.recipient for mail in relay.mailer.sent[1:]] == [
        "bob@sender.example",
        "ann@owner.example",
    ]
    assert b"first reply" in relay.mailer.sent[-1].raw
    assert relay.mailer.sent[-1].sender == "relay@masks.example"

    outcome = answer(relay, {"In-Reply-To": quoted})
    assert outcome == Dropped(DropReason.REPLIES_NEED_PREMIUM)
    assert [mail.recipient for mail in relay.mailer.sent[3:]] == ["ann@owner.example"]
    assert b"was not sent" in relay.mailer.sent[-1].raw


def test_a_reply_that_two_workers_sent_is_counted_once(transactional_db: None) -> None:
    """A claim that ran out was taken over while the first worker was sending."""
    relay = Relay()
    a_mask(an_owner(is_premium=True))
    headers = {"In-Reply-To": a_forwarded_mail(relay)}

    def take_over() -> None:
        relay.mailer.meanwhile = lambda: None
        relay.pass_time(timedelta(days=1))
        answer(relay, headers, "reply-1", key="r")

    relay.mailer.meanwhile = take_over

    assert answer(relay, headers, "reply-1", key="r") == Replied(ReplyReason.PREMIUM)

    assert len(relay.mailer.sent) == 3
    assert RandomMask.objects.get().replied == 1


def test_the_time_of_the_first_reply_stays(relay: Relay) -> None:
    a_mask(an_owner(is_premium=True))
    headers = {"In-Reply-To": a_forwarded_mail(relay)}
    first = relay.now
    answer(relay, headers)
    relay.now += timedelta(days=1)

    answer(relay, headers)

    assert Profile.objects.get().first_replied_at == first


def test_the_free_reply_is_not_used_up_by_an_attempt_that_failed(relay: Relay) -> None:
    """Lesson 8."""
    a_mask(an_owner())
    quoted = a_forwarded_mail(relay)
    relay.mailer.fails = [THROTTLED]

    with pytest.raises(NotFinished):
        answer(relay, {"In-Reply-To": quoted}, "reply-1", key="r")

    assert answer(relay, {"In-Reply-To": quoted}, "reply-1", key="r") == Replied(
        ReplyReason.FIRST_REPLY
    )


def test_a_failed_notice_is_sent_later_and_the_reply_is_not_sent_again(relay: Relay) -> None:
    a_mask(an_owner())
    quoted = a_forwarded_mail(relay)
    relay.mailer.fails = [None, THROTTLED]

    with pytest.raises(NotFinished):
        answer(relay, {"In-Reply-To": quoted}, "reply-1", key="r")
    assert [mail.recipient for mail in relay.mailer.sent[1:]] == ["bob@sender.example"]

    for _ in range(2):
        answer(relay, {"In-Reply-To": quoted}, "reply-1", key="r")
    assert [mail.recipient for mail in relay.mailer.sent[2:]] == ["ann@owner.example"]
    assert b"first reply" in relay.mailer.sent[-1].raw
