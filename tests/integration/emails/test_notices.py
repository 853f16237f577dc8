"""P10: owners are told of mail that they lost: at most one notice a kind, mask and day."""

from datetime import timedelta
from email import message_from_bytes
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from emails.models import Delivery, MailboxBreaker
from emails.rules.notice_slots import MAX_BY_STRANGERS
from emails.values.errors import NotFinished
from emails.values.outcomes import (
    Dropped,
    DropReason,
    Held,
    HeldReason,
    Ignored,
    IgnoreReason,
)
from tests.integration.emails.conftest import Relay, a_mask, an_owner
from tests.integration.emails.notices import (
    ANN,
    MASK,
    THROTTLED,
    UNPROVEN,
    UNSENDABLE,
    bounce_of,
    last_notice,
    text_of,
)
from tests.integration.emails.replies.conftest import a_forwarded_mail, answer
from tests.unit.emails.builders import complaint


@pytest.fixture
def quoted(relay: Relay) -> str:
    """The id that Ann quotes when she replies to Bob's mail. She has premium."""
    a_mask(an_owner(is_premium=True))
    return a_forwarded_mail(relay)


def test_of_mails_that_can_not_be_sent_an_owner_hears_once_a_day_for_each_mask(
    relay: Relay,
) -> None:
    owner = an_owner(language="de")
    for local in ("x7k2", "y8m3"):
        a_mask(owner, local)

    for _ in range(2):
        for to in (MASK, MASK, "y8m3@masks.example"):
            outcomes = relay.arrive(to, raw=UNSENDABLE)
            assert outcomes == (Held(HeldReason.CANNOT_BE_SENT),)
        relay.pass_time(timedelta(days=1))

    assert relay.notices() == ["mail_unsendable"] * 4
    notice = last_notice(relay)
    assert "Maske: y8m3@masks.example" in text_of(notice)
    assert "digital signiert" in text_of(notice)
    assert notice["In-Reply-To"] == "<m1@sender.example>"


def test_strangers_who_know_many_masks_cause_few_notices(relay: Relay) -> None:
    owner = an_owner()
    masks = [a_mask(owner, f"m{number}").address for number in range(MAX_BY_STRANGERS + 5)]

    for mask in masks:
        relay.arrive(mask, raw=UNSENDABLE)

    assert len(relay.notices()) == MAX_BY_STRANGERS
    assert Delivery.objects.filter(reason="notice_limit").count() == 5
    answer(relay, {"In-Reply-To": "<unknown@x>", "From": ANN})
    assert relay.notices()[-1] == "reply_unknown_thread"


def test_what_an_attempt_held_that_was_killed_then_is_told_by_the_next(relay: Relay) -> None:
    a_mask(an_owner())
    relay.mailer.fails = [THROTTLED]
    with pytest.raises(NotFinished):
        relay.arrive(MASK, raw=UNSENDABLE, key="k", sns_message_id="sns-1")

    outcomes = relay.arrive(MASK, raw=UNSENDABLE, key="k", sns_message_id="sns-1")

    assert outcomes == (Held(HeldReason.CANNOT_BE_SENT),)
    assert relay.notices() == ["mail_unsendable"]
    assert "It can't be sent as it is" in text_of(last_notice(relay))


@pytest.mark.parametrize(
    ("evidence", "kind", "said"),
    [
        ({"status": "5.7.1"}, "mail_refused", "perhaps for its content"),
        (
            {"status": "5.7.1", "diagnostic": "smtp; 554 looks like spam"},
            "mail_refused_as_spam",
            "Spam blocking is now on",
        ),
    ],
)
def test_an_owner_is_told_of_a_mail_that_their_server_refused(
    relay: Relay, evidence: dict[str, Any], kind: str, said: str
) -> None:
    a_mask(an_owner())
    relay.arrive(MASK)

    for _ in range(2):
        relay.notify(bounce_of(relay, 0, **evidence))

    assert relay.notices() == [kind]
    assert said in text_of(last_notice(relay))


def test_an_owner_is_told_at_the_new_address_of_a_mail_that_went_to_the_old(relay: Relay) -> None:
    a_mask(an_owner("ann@former.example"))
    relay.arrive(MASK)
    get_user_model().objects.update(email=ANN)

    relay.notify(bounce_of(relay, 0))

    assert relay.notices() == ["mail_refused"]
    assert "your former address" in text_of(last_notice(relay))


@pytest.mark.parametrize(
    ("region", "domain"),
    [("email.amazonses.com", "email.amazonses.com"), ("eu-west-1.amazonses.com",) * 2],
)
def test_the_notice_of_a_complaint_is_shown_under_the_mail_complained_of(
    relay: Relay, region: str, domain: str
) -> None:
    relay.with_policy(ses_id_domain=region)
    mask = a_mask(an_owner())
    tags = {"kind": "forward", "mask": f"random-{mask.pk}"}

    relay.notify(complaint(ANN, shape="eventType", tags=tags))

    assert relay.notices() == ["spam_blocking_on"]
    assert last_notice(relay)["In-Reply-To"] == f"<0100-1@{domain}>"


@pytest.mark.parametrize("evidence", [{}, {"status": "5.7.1"}, {"diagnostic": "554 spam"}])
def test_the_bounce_of_a_notice_ends_quietly(
    relay: Relay, quoted: str, evidence: dict[str, Any]
) -> None:
    answer(relay, {"In-Reply-To": "<unknown@x>"})
    answer(relay, {"In-Reply-To": quoted}, **UNPROVEN)
    told = relay.notices()

    for number in (-1, -2):
        relay.notify(bounce_of(relay, number, **evidence))

    assert relay.notices() == told == ["reply_unknown_thread", "reply_unproven"]


def test_a_notice_that_comes_back_goes_no_further(relay: Relay, quoted: str) -> None:
    """The owner redirects it to the replies address, and a machine answers it."""
    answer(relay, {"In-Reply-To": "<unknown@x>"})
    raw = relay.mailer.sent[-1].raw
    headers = dict(message_from_bytes(raw).items())

    again = answer(relay, headers, raw=raw, source="")
    machine = {"From": ANN, "Auto-Submitted": "auto-replied"}
    answered = relay.arrive("relay@masks.example", headers=machine)

    assert again == Dropped(DropReason.LOOP)
    assert answered == (Ignored(IgnoreReason.NOREPLY),)
    assert relay.notices() == ["reply_unknown_thread"]


def test_a_mailbox_that_bounces_gets_no_notice_until_it_is_back(relay: Relay, quoted: str) -> None:
    relay.notify(bounce_of(relay, 0))
    answer(relay, {"In-Reply-To": "<unknown@x>"})
    assert relay.notices() == []

    MailboxBreaker.objects.all().delete()
    relay.arrive(MASK)
    answer(relay, {"In-Reply-To": "<unknown@x>"})

    assert relay.notices() == ["reply_unknown_thread"]


def test_an_account_that_is_not_active_gets_no_notice(relay: Relay, quoted: str) -> None:
    get_user_model().objects.update(is_active=False)

    answer(relay, {"In-Reply-To": "<unknown@x>"})
    relay.notify(complaint(ANN))

    assert relay.notices() == []
