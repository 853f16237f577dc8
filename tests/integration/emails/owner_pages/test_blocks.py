"""An owner blocks senders on the page, sees whom, and undoes it."""

import re
from datetime import UTC, datetime, timedelta

from emails.flow.blocked_names import name_blocked_senders
from emails.models import BlockedSender, HeldMail, Profile
from emails.rules.sender_blocks import Sender, SenderKind
from emails.store import held, sender_blocks
from emails.values.outcomes import Blocked, BlockReason, HeldReason
from tests.integration.emails.conftest import SECRET, a_mask, an_owner
from tests.integration.emails.owner_pages.conftest import Site
from tests.unit.emails.builders import NOW


def test_a_mail_that_its_owner_released_arrives_though_its_sender_is_blocked(site: Site) -> None:
    site.post(f"{site.mails[0]}/", action="release")
    site.post(f"{site.mails[1]}/", action="block")

    site.relay.release_held()

    assert len(site.relay.mailer.sent) == 1


def test_a_mail_that_is_released_by_itself_is_blocked_if_its_sender_is(site: Site) -> None:
    held.release_all(site.owner.pk, HeldReason.SPAM)
    Profile.objects.update(blocks_spam=False)
    bob = Sender(SenderKind.ADDRESS, "bob@sender.example")
    sender_blocks.record_block(site.owner.pk, bob, None, [SECRET], NOW)

    site.relay.release_held()

    reasons = HeldMail.objects.order_by("pk").values_list("outcome_reason", flat=True)
    assert list(reasons) == ["blocks_sender", "blocks_sender", "existing_mask"]


def test_a_sender_is_blocked_and_what_is_held_from_there_is_deleted(site: Site) -> None:
    page = site.after(site.post(f"{site.mails[0]}/", action="block", scope="all"))

    assert "The sender is blocked, and their held mails were deleted." in page
    assert "the sender of a held mail" in site.get("blocked/").content.decode()
    assert list(site.states().values()) == ["ended", "ended", "held"]
    blocked = (Blocked(BlockReason.BLOCKS_SENDER),)
    assert site.relay.arrive("x7k2@masks.example") == blocked
    name_blocked_senders(site.relay.ports(), site.relay.now)
    assert "bob@sender.example" in site.get("blocked/").content.decode()


def test_a_sender_is_blocked_for_one_mask(site: Site) -> None:
    a_mask(site.owner, "other")
    site.post(f"{site.mails[0]}/", action="block", scope="mask")

    assert "for the mask x7k2@masks.example" in site.get("blocked/").content.decode()
    assert site.relay.arrive("x7k2@masks.example")[0].reason == "blocks_sender"
    assert site.relay.arrive("other@masks.example")[0].reason == "existing_mask"


def test_blocked_senders_are_seen_and_unblocked_though_nothing_is_held_any_more(site: Site) -> None:
    eve = Sender(SenderKind.DOMAIN, "evil.example")
    sender_blocks.record_block(site.owner.pk, eve, None, [SECRET], NOW)
    site.post(action="release_all")
    link = re.search(r'href="([^"]+/blocked/)"', site.get().content.decode())
    assert link

    page = site.client.get(link[1]).content.decode()

    assert "evil.example" in page
    assert "for all masks" in page
    block = BlockedSender.objects.get()
    site.after(site.post("blocked/", action="unblock", blocked=block.pk))
    assert not BlockedSender.objects.exists()


def test_all_blocked_senders_are_shown(site: Site) -> None:
    for number in range(120):
        sender = Sender(SenderKind.DOMAIN, f"d{number}.example")
        sender_blocks.record_block(site.owner.pk, sender, None, [SECRET], NOW)

    assert site.get("blocked/").content.decode().count("<li>") == 120


def test_a_sender_is_unblocked(site: Site) -> None:
    site.post(f"{site.mails[0]}/", action="block")
    block = BlockedSender.objects.get()

    page = site.after(site.post("blocked/", action="unblock", blocked=block.pk))

    assert "The sender is no longer blocked." in page
    assert "You block no senders." in page
    assert site.relay.arrive("x7k2@masks.example")[0].reason == "existing_mask"


def test_another_owners_block_can_not_be_undone(site: Site) -> None:
    eve = Sender(SenderKind.DOMAIN, "evil.example")
    sender_blocks.record_block(site.owner.pk, eve, None, [SECRET], NOW)
    other = an_owner("other@owner.example")
    theirs = BlockedSender.objects.create(
        owner=other, sender="0" * 64, lookup="1" * 64, created_at=NOW
    )

    for number in (theirs.pk, "", "x", "9" * 40, "9" * 5000, "-1", "²"):
        page = site.after(site.post("blocked/", action="unblock", blocked=number))
        assert "Nothing was left to do." in page
    assert BlockedSender.objects.count() == 2


def test_a_mail_without_one_sender_offers_no_block(site: Site) -> None:
    HeldMail.objects.update(sender=None)

    page = site.get(f"{site.mails[0]}/").content.decode()

    assert "Release" in page
    assert "Block this sender" not in page


def test_a_blocked_senders_name_comes_from_the_mail_as_long_as_it_is_there(site: Site) -> None:
    site.post(f"{site.mails[2]}/", action="block")
    mail = HeldMail.objects.get(pk=site.mails[2])
    stored = next(one for one in site.relay.mail_store.mails if one.key == mail.key)
    raw = site.relay.mail_store.mails.pop(stored)
    now = datetime.now(UTC)

    name_blocked_senders(site.relay.ports(), now)
    assert BlockedSender.objects.get().held_mail_id == mail.pk

    site.relay.mail_store.mails[stored] = raw
    site.relay.tidy_held()
    assert stored in site.relay.mail_store.mails
    name_blocked_senders(site.relay.ports(), now)
    assert "eve@evil.example" in site.get("blocked/").content.decode()
    assert BlockedSender.objects.get().held_mail_id is None
    site.relay.tidy_held()
    assert stored not in site.relay.mail_store.mails


def test_a_name_that_can_not_be_had_is_given_up_after_a_day(site: Site) -> None:
    site.post(f"{site.mails[2]}/", action="block")
    site.relay.mail_store.mails.clear()

    name_blocked_senders(site.relay.ports(), datetime.now(UTC) + timedelta(days=2))

    assert BlockedSender.objects.get().held_mail_id is None
    assert "the sender of a held mail" in site.get("blocked/").content.decode()
