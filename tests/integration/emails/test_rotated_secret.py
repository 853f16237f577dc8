"""REPLY_SECRET is changed, and the old one kept: what was recorded under it goes on."""

import pytest
from django.conf import settings

from emails.models import BlockedSender, HeldMail, is_deleted
from emails.models.owners import is_registered
from emails.rules.sender_blocks import Sender, SenderKind
from emails.store import held, sender_blocks
from emails.values.outcomes import Blocked, BlockReason, Dropped, DropReason, Replied
from tests.integration.emails.conftest import FORWARDED, SECRET, Relay, a_mask, an_owner
from tests.integration.emails.notices import bounce_of, last_notice
from tests.integration.emails.replies.conftest import a_forwarded_mail, answer
from tests.unit.emails.builders import NOW

NEW = b"the secret of tomorrow"
BOB = Sender(SenderKind.ADDRESS, "bob@sender.example")
MASK = "x7k2@masks.example"
UNKNOWN_THREAD = Dropped(DropReason.UNKNOWN_THREAD)


@pytest.fixture(autouse=True)
def _old_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "REPLY_SECRETS", (SECRET,))


def rotate(relay: Relay, monkeypatch: pytest.MonkeyPatch, *fallbacks: bytes) -> None:
    relay.reply_secrets = (NEW, *fallbacks)
    monkeypatch.setattr(settings, "REPLY_SECRETS", relay.reply_secrets)


@pytest.mark.parametrize("is_kept", [True, False])
def test_mails_forwarded_before_can_be_replied_to_while_the_old_secret_is_kept(
    relay: Relay, monkeypatch: pytest.MonkeyPatch, is_kept: bool
) -> None:
    a_mask(an_owner(is_premium=True))
    quoted = a_forwarded_mail(relay)

    rotate(relay, monkeypatch, *([SECRET] if is_kept else []))

    outcome = answer(relay, {"In-Reply-To": quoted})
    assert isinstance(outcome, Replied) if is_kept else outcome == UNKNOWN_THREAD
    answers_new = answer(relay, {"In-Reply-To": a_forwarded_mail(relay)})
    assert isinstance(answers_new, Replied)


def test_a_bounce_of_an_earlier_reply_still_names_it(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_mask(an_owner(is_premium=True))
    quoted = a_forwarded_mail(relay)
    answer(relay, {"In-Reply-To": quoted, "Message-ID": "<r1@owner.example>"})

    rotate(relay, monkeypatch, SECRET)
    relay.notify(bounce_of(relay))

    assert last_notice(relay)["In-Reply-To"] == "<r1@owner.example>"


def test_blocked_senders_stay_blocked_and_can_be_unblocked(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = an_owner(blocks_spam=True)
    a_mask(owner)
    sender_blocks.record_block(owner.pk, BOB, None, [SECRET], NOW)

    rotate(relay, monkeypatch, SECRET)
    sender_blocks.record_block(owner.pk, BOB, None, relay.reply_secrets, NOW)

    assert relay.arrive(MASK) == (Blocked(BlockReason.BLOCKS_SENDER),)
    (shown,) = sender_blocks.find_blocked(owner.pk, relay.reply_secrets)
    assert shown.text == BOB.text
    assert sender_blocks.remove_block_of(owner.pk, BOB, None, relay.reply_secrets)
    assert not BlockedSender.objects.exists()
    assert relay.arrive(MASK) == (FORWARDED,)


def test_who_is_blocked_loses_the_mails_held_before(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = an_owner(blocks_spam=True)
    a_mask(owner)
    relay.arrive(MASK, spam="FAIL")

    rotate(relay, monkeypatch, SECRET)
    relay.arrive(MASK, spam="FAIL")
    assert len(set(HeldMail.objects.values_list("sender", flat=True))) == 2

    assert sender_blocks.record_block(owner.pk, BOB, None, relay.reply_secrets, NOW) == 2
    assert not held.find_held()


def test_deleted_masks_and_names_are_never_given_again(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_mask(an_owner(subdomain="ann")).delete()

    rotate(relay, monkeypatch, SECRET)
    assert is_deleted(MASK)
    assert is_registered("ann")
    assert relay.arrive(MASK) != (FORWARDED,)

    rotate(relay, monkeypatch)
    assert not is_deleted(MASK)
    assert not is_registered("ann")
