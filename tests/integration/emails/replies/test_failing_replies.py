"""Replies that fail: kept, found again, and never sent twice."""

from typing import Any

import pytest

from emails.models import Delivery
from emails.values.deliveries import SendInDoubt
from emails.values.errors import NotFinished
from emails.values.outcomes import Replied, ReplyReason
from tests.integration.emails.conftest import Relay, a_mask, an_owner
from tests.integration.emails.replies.conftest import REPLY, THROTTLED, a_forwarded_mail, answer


def test_a_failed_reply_keeps_its_mail(relay: Relay) -> None:
    """Lesson 2."""
    a_mask(an_owner(is_premium=True))
    quoted = a_forwarded_mail(relay)
    relay.mailer.fails = [THROTTLED]

    with pytest.raises(NotFinished):
        answer(relay, {"In-Reply-To": quoted})

    assert len(relay.mail_store.mails) == 1


def test_a_reply_whose_headers_ses_cut_off_is_found_again_after_it_was_settled(
    relay: Relay,
) -> None:
    """The second time the mail is gone from the store, and is not fetched."""
    from tests.unit.emails.builders import received

    a_mask(an_owner())
    quoted = a_forwarded_mail(relay)
    notification = received(
        "replies@masks.example", headers={}, source="ann@owner.example", key="r"
    )
    notification["mail"]["headersTruncated"] = True
    raw = b"In-Reply-To: " + quoted.encode() + b"\r\n" + REPLY
    relay.mail_store.mails[stored("r")] = raw

    first = relay.notify(notification, "reply-1")
    again = relay.notify(notification, "reply-1")

    assert first == again == (Replied(ReplyReason.FIRST_REPLY),)
    assert len(relay.mailer.sent) == 3


def stored(key: str) -> Any:
    from emails.values.notifications import StoredMail

    return StoredMail("mails", key)


def test_a_reply_in_doubt_is_not_sent_again(relay: Relay) -> None:
    a_mask(an_owner(is_premium=True))
    quoted = a_forwarded_mail(relay)
    relay.mailer.fails = [SendInDoubt()]

    for _ in range(2):
        with pytest.raises(Exception, match="send_in_doubt"):
            answer(relay, {"In-Reply-To": quoted}, "reply-1", key="r")

    assert len(relay.mailer.sent) == 1
    assert Delivery.objects.filter(state="in_doubt").count() == 1
