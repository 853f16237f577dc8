"""Too much mail comes back: the worst senders' is held, and released when little does."""

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from emails.flow.reputation import judge_sending, read_account
from emails.models import Delivery, DomainMask, HeldMail, RandomMask
from emails.store import held
from emails.store.reputation import count_by_sender
from emails.values.account import ReputationLimits, Sending
from emails.values.outcomes import Held, HeldReason, Recorded, RecordReason
from runtime.message_context import MessageContext, about
from tests.integration.emails.conftest import FORWARDED, Relay, a_mask, an_owner
from tests.unit.emails.builders import bounce, complaint

HELD = Held(HeldReason.REPUTATION)
MASK, OTHER = "x7k2@masks.example", "other@masks.example"
WELL, TROUBLE = Sending(1_000, 29, 0), Sending(1_000, 40, 0)
"""Below three quarters of the limit, and at it."""

UNPROVEN: dict[str, Any] = {"source": "x@elsewhere.example"}


def sent_by(domain: str) -> dict[str, Any]:
    """A mail that provably comes from this domain."""
    address = f"bob@{domain}"
    raw = f"From: {address}\r\nSubject: Hello\r\n\r\nGood morning.\r\n".encode()
    return {"source": address, "headers": {"From": address}, "raw": raw}


@pytest.fixture
def masks(relay: Relay) -> list[RandomMask]:
    owners = [an_owner(f"{name}@owner.example") for name in ("ann", "ben")]
    return [a_mask(owners[0]), a_mask(owners[1], "other")]


def come_back(relay: Relay, number: int, mask: str = MASK, **mail: Any) -> None:
    """Let so many mails be forwarded, and bounce for what they say."""
    for _ in range(number):
        assert relay.arrive(mask, **mail) == (FORWARDED,)
        ses_id, recipient = f"0100-{len(relay.mailer.sent):04}", relay.mailer.sent[-1].recipient
        told = bounce(recipient, status="5.7.1", source=mask, messageId=ses_id)
        with about(MessageContext(mail_id=ses_id)):
            assert relay.notify(told) == (Recorded(RecordReason.BOUNCE_NOT_ABOUT_MAILBOX),)


def judge(relay: Relay, total: Sending) -> frozenset[str]:
    """Run the job, as if so much had been sent; returns whose mail is held."""
    relay.account_notes.counted = total
    judge_sending(relay.ports(), relay.now)
    return relay.account_notes.held()


def test_the_worst_masks_mail_is_held_and_released_when_little_comes_back(
    relay: Relay, masks: list[RandomMask]
) -> None:
    come_back(relay, 6, **UNPROVEN)
    relay.arrive(OTHER, **UNPROVEN)

    assert judge(relay, TROUBLE) == {f"mask random-{masks[0].pk}"}

    assert relay.arrive(MASK, **UNPROVEN) == (HELD,)
    assert relay.arrive(MASK, **sent_by("shop.example")) == (HELD,)
    assert relay.arrive(OTHER, **UNPROVEN) == (FORWARDED,)
    sent = len(relay.forwarded())

    judge(relay, TROUBLE)
    relay.release_held()
    assert len(relay.forwarded()) == sent, "it is held for as long as too much comes back"

    assert judge(relay, WELL) == frozenset()
    relay.release_held()
    assert len(relay.forwarded()) == sent + 2
    assert not HeldMail.objects.filter(state="held").exists()


def test_the_worst_senders_mail_is_held_whatever_mask_it_goes_to(
    relay: Relay, masks: list[RandomMask]
) -> None:
    an_owner("cat@owner.example", is_premium=True, subdomain="cat")
    come_back(relay, 4, MASK, **sent_by("spam.example"))
    come_back(relay, 4, OTHER, **sent_by("spam.example"))
    for _ in range(4):
        relay.arrive(MASK, **sent_by("shop.example"))

    (key,) = judge(relay, TROUBLE)

    assert key.startswith("sender ")
    assert "spam" not in key.removeprefix("sender ")
    for mask in (MASK, OTHER, "new@cat.masks.example"):
        assert relay.arrive(mask, **sent_by("spam.example")) == (HELD,)
        assert relay.arrive(mask, **UNPROVEN)[0] != HELD, "a forger is somebody else"
    assert relay.arrive(MASK, **sent_by("shop.example")) == (FORWARDED,)
    assert DomainMask.objects.count() == 1, "held mail creates no mask"


def test_only_what_is_over_is_released_while_others_are_held(
    relay: Relay, masks: list[RandomMask]
) -> None:
    keys = [f"mask random-{mask.pk}" for mask in masks]
    notes = relay.account_notes
    notes.state = replace(notes.state, held=frozenset(keys))
    assert relay.arrive(MASK, OTHER) == (HELD, HELD)

    notes.state = replace(notes.state, held=frozenset())
    come_back(relay, 6, OTHER, **UNPROVEN)
    assert judge(relay, TROUBLE) == {keys[1]}

    assert HeldMail.objects.get(state="releasing").random_mask_id == masks[0].pk
    assert HeldMail.objects.get(state="held").random_mask_id == masks[1].pk


def test_what_somebody_releases_goes_out_all_the_same(
    relay: Relay, masks: list[RandomMask]
) -> None:
    come_back(relay, 6, **UNPROVEN)
    judge(relay, TROUBLE)
    relay.arrive(MASK)
    (mail,) = held.find_held()
    sent = len(relay.forwarded())

    held.release([mail.id])
    relay.release_held()

    assert len(relay.forwarded()) == sent + 1


def test_what_is_released_for_another_reason_is_held_again(
    relay: Relay, masks: list[RandomMask]
) -> None:
    relay.with_policy(mask_limit=replace(relay.policy.mask_limit, mails=1))
    relay.arrive(MASK)
    assert relay.arrive(MASK) == (Held(HeldReason.MASK_LIMIT),)
    notes = relay.account_notes
    notes.state = replace(notes.state, held=frozenset({f"mask random-{masks[0].pk}"}))

    HeldMail.objects.update(state="releasing")
    relay.pass_time(timedelta(days=1))
    relay.release_held()

    mail = HeldMail.objects.get()
    assert (mail.state, mail.reason) == ("held", "reputation")
    assert not mail.tell_again, "it follows by itself"


@pytest.mark.parametrize(
    ("total", "bounced"),
    [(Sending(1_000, 39, 0), 6), (TROUBLE, 4), (Sending(23, 23, 0), 6), (Sending(19, 19, 0), 6)],
    ids=["below the limit", "few of this mask", "a quarter of all mail", "few in all"],
)
def test_nobody_is_held(
    relay: Relay, masks: list[RandomMask], total: Sending, bounced: int
) -> None:
    come_back(relay, bounced, **UNPROVEN)

    assert judge(relay, total) == frozenset()


def test_switched_off_all_is_released(relay: Relay, masks: list[RandomMask]) -> None:
    come_back(relay, 6, **UNPROVEN)
    judge(relay, TROUBLE)
    relay.arrive(MASK)

    relay.with_policy(reputation=ReputationLimits(may_brake=False))

    assert judge(relay, TROUBLE) == frozenset()
    assert relay.account_notes.state.sending == TROUBLE, "it is counted all the same"
    relay.release_held()
    assert not HeldMail.objects.filter(state="held").exists()


def test_bounces_older_than_a_day_count_no_more(relay: Relay, masks: list[RandomMask]) -> None:
    come_back(relay, 6, **UNPROVEN)
    relay.pass_time(timedelta(hours=25))

    assert judge(relay, TROUBLE) == frozenset()


def test_it_is_counted_by_mask_and_by_sender(relay: Relay, masks: list[RandomMask]) -> None:
    come_back(relay, 2, **sent_by("spam.example"))
    come_back(relay, 1, **UNPROVEN)
    relay.arrive(OTHER, **sent_by("spam.example"))
    relay.arrive(OTHER, **sent_by("shop.example"))
    ses_id = f"0100-{len(relay.mailer.sent) - 1:04}"
    with about(MessageContext(mail_id=ses_id)):
        relay.notify(complaint("ben@owner.example", source=OTHER, messageId=ses_id))

    found = count_by_sender(timedelta(hours=24))

    assert found.pop(f"mask random-{masks[0].pk}") == Sending(3, 3, 0)
    assert found.pop(f"mask random-{masks[1].pk}") == Sending(2, 0, 1)
    assert list(found.values()) == [Sending(3, 2, 1)]


def test_the_database_knows_senders_by_a_keyed_hash(relay: Relay, masks: list[RandomMask]) -> None:
    for domain in ("spam.example", "SPAM.example", "shop.example"):
        relay.arrive(MASK, **sent_by(domain))
    relay.arrive(MASK, **UNPROVEN)

    first, same, other, unproven = Delivery.objects.order_by("pk").values_list("sender", flat=True)

    assert first == same != other
    assert unproven is None
    assert first is not None
    assert len(first) == 12


def test_that_the_account_cannot_be_read_is_said_once(
    relay: Relay, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    relay.account.fails = "AccessDeniedException"
    for _ in range(3):
        read_account(relay.ports(), relay.now)

    assert [record.getMessage() for record in caplog.records] == ["account not readable"]
    assert relay.account_notes.state.failing == "AccessDeniedException"

    relay.account.fails = ""
    read_account(relay.ports(), relay.now)
    assert relay.account_notes.state.failing == ""
    assert relay.account_notes.state.account == relay.account.says
