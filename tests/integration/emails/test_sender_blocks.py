"""Blocked senders, in the database: whose mail is blocked, who can read the table, undoing."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from emails.models import BlockedSender, HeldMail, Profile, RandomMask
from emails.rules.sender_blocks import Sender, SenderKind
from emails.store import held, sender_blocks
from emails.values.facts import MaskKind, MaskRef
from emails.values.held import HeldMail as HeldFacts
from emails.values.outcomes import Blocked, BlockReason, Held, HeldReason
from tests.integration.emails.conftest import FORWARDED, SECRET, Relay, a_mask, an_owner
from tests.unit.emails.builders import NOW

BOB = Sender(SenderKind.ADDRESS, "bob@sender.example")
BLOCKED = Blocked(BlockReason.BLOCKS_SENDER)


def a_blocking_owner(mask: str = "x7k2") -> tuple[Profile, RandomMask]:
    owner = an_owner(blocks_spam=True)
    return owner, a_mask(owner, mask)


def hold_a_mail(relay: Relay, to: str = "x7k2@masks.example") -> HeldFacts:
    assert relay.arrive(to, spam="FAIL") == (Held(HeldReason.SPAM),)
    return held.find_held()[-1]


def test_a_blocked_senders_next_mail_is_blocked_and_counted(relay: Relay) -> None:
    owner, mask = a_blocking_owner()
    sender_blocks.record_block(owner.pk, BOB, None, [SECRET], NOW)

    assert relay.arrive("x7k2@masks.example") == (BLOCKED,)
    assert relay.arrive("x7k2@masks.example", headers={"From": "ann@a.example"}) == (FORWARDED,)
    mask.refresh_from_db()
    assert (mask.blocked, mask.forwarded) == (1, 1)


def test_a_block_is_one_owners_and_no_others(relay: Relay) -> None:
    owner, _ = a_blocking_owner()
    other = an_owner("eve@owner.example")
    a_mask(other, "other")
    Profile.objects.update(blocks_senders=True)
    sender_blocks.record_block(owner.pk, BOB, None, [SECRET], NOW)

    assert relay.arrive("other@masks.example") == (FORWARDED,)


def test_a_block_can_be_for_one_mask_only(relay: Relay) -> None:
    owner, mask = a_blocking_owner()
    a_mask(owner, "other")
    only_here = MaskRef(MaskKind.RANDOM, mask.pk)
    sender_blocks.record_block(owner.pk, BOB, only_here, [SECRET], NOW)

    assert relay.arrive("x7k2@masks.example") == (BLOCKED,)
    assert relay.arrive("other@masks.example") == (FORWARDED,)


def test_blocking_a_held_mails_sender_discards_what_is_held_from_there(relay: Relay) -> None:
    owner, _ = a_blocking_owner()
    a_mask(owner, "other")
    for to in ("x7k2@masks.example", "other@masks.example"):
        hold_a_mail(relay, to)
    relay.arrive("x7k2@masks.example", spam="FAIL", headers={"From": "ann@a.example"})
    mail = held.find_held()[0]

    assert sender_blocks.record_block_by_mail(mail, None, NOW) == 2

    assert relay.arrive("x7k2@masks.example", spam="FAIL") == (BLOCKED,)
    assert HeldMail.objects.filter(state="held").count() == 1
    # Once more, as a second click does.
    assert sender_blocks.record_block_by_mail(mail, None, NOW) == 0
    assert BlockedSender.objects.count() == 1


def test_blocking_for_one_mask_leaves_the_other_masks_mails_held(relay: Relay) -> None:
    owner, mask = a_blocking_owner()
    a_mask(owner, "other")
    mail = hold_a_mail(relay)
    hold_a_mail(relay, "other@masks.example")

    assert sender_blocks.record_block_by_mail(mail, MaskRef(MaskKind.RANDOM, mask.pk), NOW) == 1


def test_a_mail_without_one_sender_can_not_block_anybody(relay: Relay) -> None:
    a_blocking_owner()
    relay.arrive("x7k2@masks.example", spam="FAIL", headers={"From": "a@a.example, b@b.example"})
    (mail,) = held.find_held()

    assert mail.sender is None
    assert sender_blocks.record_block_by_mail(mail, None, NOW) == 0
    assert not BlockedSender.objects.exists()


def test_the_tables_name_no_sender(relay: Relay) -> None:
    """Not in the clear, nor by a hash that somebody without our secret could compute."""
    owner, _ = a_blocking_owner()
    hold_a_mail(relay)
    sender_blocks.record_block(owner.pk, BOB, None, [SECRET], NOW)

    rows = [*BlockedSender.objects.values_list(), *HeldMail.objects.values_list()]
    assert "sender.example" not in str(
        [[bytes(c) if isinstance(c, memoryview) else c for c in r] for r in rows]
    )
    hashes = {
        sender_blocks.hash_sender(BOB, owner_id, secret)
        for owner_id, secret in [(owner.pk, SECRET), (owner.pk, b"x"), (owner.pk + 1, SECRET)]
    }
    assert len(hashes) == 3


def test_the_owner_sees_whom_they_block_and_undoes_it(relay: Relay) -> None:
    owner, _ = a_blocking_owner()
    sender_blocks.record_block(owner.pk, BOB, None, [SECRET], NOW)
    (found,) = sender_blocks.find_blocked(owner.pk, [SECRET])
    assert (found.text, found.mask, found.created_at) == ("bob@sender.example", None, NOW)
    assert sender_blocks.find_blocked(owner.pk, [b"another secret"])[0].text is None

    assert not sender_blocks.remove_block(an_owner("eve@owner.example").pk, found.id)
    assert sender_blocks.remove_block(owner.pk, found.id)

    assert relay.arrive("x7k2@masks.example") == (FORWARDED,)
    owner.refresh_from_db()
    assert not owner.blocks_senders


def run(*arguments: str) -> list[Any]:
    output = StringIO()
    call_command("block_sender", *arguments, stdout=output)
    return [json.loads(line) for line in output.getvalue().splitlines()]


@pytest.mark.usefixtures("relay")
def test_operators_block_list_and_unblock() -> None:
    _, mask = a_blocking_owner()
    email, ref = "Ann@owner.example", f"random-{mask.pk}"

    done = run(email, "@Sender.example", "--mask", "x7k2@masks.example")
    assert done == [
        {"done": "blocked", "held_mails_deleted": 0, "sender": "sender.example", "mask": ref}
    ]
    assert [(one["sender"], one["mask"]) for one in run(email)] == [("sender.example", ref)]
    with pytest.raises(CommandError, match="not blocked"):
        run(email, "sender.example", "--undo")
    undone = run(email, "sender.example", "--mask", "x7k2@masks.example", "--undo")
    assert undone == [{"done": "unblocked", "sender": "sender.example", "mask": ref}]
    assert run(email) == []


@pytest.mark.parametrize("mask", [None, "x7k2@masks.example"])
@pytest.mark.parametrize(
    ("sender", "blocked", "let_through"),
    [
        ("Bob@shop.example", ["bob@shop.example", "bob+a@shop.example"], ["ann@shop.example"]),
        ("shop.example", ["bob@shop.example", "ann@mail.shop.example"], ["bob@myshop.example"]),
    ],
)
def test_operators_block_an_address_or_a_domain_for_one_mask_or_all(
    relay: Relay,
    monkeypatch: pytest.MonkeyPatch,
    sender: str,
    blocked: list[str],
    let_through: list[str],
    mask: str | None,
) -> None:
    monkeypatch.setattr(settings, "REPLY_SECRETS", (SECRET,))
    owner, _ = a_blocking_owner()
    a_mask(owner, "other")
    only = ["--mask", mask] if mask else []

    def outcomes(to: str, senders: list[str]) -> set[object]:
        return {one for sender in senders for one in relay.arrive(to, headers={"From": sender})}

    run("ann@owner.example", sender, *only)

    assert outcomes("x7k2@masks.example", blocked) == {BLOCKED}
    assert outcomes("x7k2@masks.example", let_through) == {FORWARDED}
    assert outcomes("other@masks.example", blocked) == {FORWARDED if mask else BLOCKED}
    run("ann@owner.example", sender, *only, "--undo")
    assert outcomes("x7k2@masks.example", blocked) == {FORWARDED}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nobody@owner.example", "bob@sender.example"], "No owner"),
        (["ann@owner.example", "bob"], "neither an address nor a domain"),
        (["ann@owner.example", "b@c.example", "--mask", "other@masks.example"], "no such mask"),
        (["ann@owner.example", "b@c.example", "--mask", "x@elsewhere.example"], "no such mask"),
        (["ann@owner.example", "--undo"], "Name the sender"),
    ],
)
def test_what_can_not_be_blocked_is_refused(
    relay: Relay, arguments: list[str], message: str
) -> None:
    a_blocking_owner()
    a_mask(an_owner("eve@owner.example"), "other")

    with pytest.raises(CommandError, match=message):
        run(*arguments)


def test_a_block_outlives_the_mail_it_came_from(relay: Relay) -> None:
    _, mask = a_blocking_owner()
    mail = hold_a_mail(relay)
    sender_blocks.record_block_by_mail(mail, None, NOW)

    HeldMail.objects.all().delete()
    relay.pass_time(timedelta(days=100))

    assert relay.arrive("x7k2@masks.example") == (BLOCKED,)
    mask.refresh_from_db()
    assert mask.blocked == 1
