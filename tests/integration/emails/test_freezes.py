"""An operator freezes mail: it is held, and released when the freeze is over. Or pauses sending."""

from datetime import timedelta
from typing import Any

import pytest

from emails.models import DomainMask, HeldMail, Profile
from emails.store import held
from emails.store.held_releases import release_after_freezes
from emails.values.errors import NotFinished
from emails.values.freezes import Freeze, FreezeKind
from emails.values.outcomes import (
    Blocked,
    Dropped,
    DropReason,
    Forwarded,
    ForwardReason,
    Held,
    HeldReason,
    RetryReason,
)
from tests.integration.emails.conftest import FORWARDED, Relay, a_mask, an_owner
from tests.integration.emails.replies.conftest import REPLY, a_forwarded_mail, answer

MASK = "x7k2@masks.example"
FROZEN = Held(HeldReason.FROZEN)
BOB = "Bob <bob@news.shop.example>"
FROM_BOB: dict[str, Any] = {
    "headers": {"From": BOB},
    "raw": f"From: {BOB}\r\nSubject: Hello\r\n\r\nGood morning.\r\n".encode(),
}


@pytest.fixture
def owner(relay: Relay) -> Profile:
    owner = an_owner(is_premium=True, subdomain="ann")
    a_mask(owner)
    return owner


def freeze(relay: Relay, kind: FreezeKind, target: object, control: str = "c1") -> None:
    relay.controls.in_force = (*relay.controls.in_force, Freeze(control, kind, str(target)))


def unfreeze(relay: Relay) -> int:
    """End the oldest freeze; return how many mails are released for that."""
    relay.controls.in_force = relay.controls.in_force[1:]
    in_force = [one.id for one in relay.controls.in_force]
    return release_after_freezes(in_force, relay.now, 100)


def target_of(kind: FreezeKind, owner: Profile) -> object:
    match kind:
        case FreezeKind.MASK:
            return f"random-{owner.randommask_set.get().pk}"
        case FreezeKind.OWNER:
            return owner.pk
        case FreezeKind.DOMAIN:
            return "shop.example"
        case FreezeKind.REASON:
            return "existing_mask"


@pytest.mark.parametrize("kind", FreezeKind)
def test_what_is_frozen_is_held_and_forwarded_when_the_freeze_is_over(
    relay: Relay, owner: Profile, kind: FreezeKind
) -> None:
    freeze(relay, kind, target_of(kind, owner))

    assert relay.arrive(MASK, **FROM_BOB) == (FROZEN,)

    assert relay.mailer.sent == []
    assert release_after_freezes(["c1"], relay.now, 100) == 0
    assert unfreeze(relay) == 1
    relay.release_held()
    relay.release_held()
    assert [one.recipient for one in relay.mailer.sent] == ["ann@owner.example"]
    assert unfreeze(relay) == 0


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (FreezeKind.MASK, "random-999999"),
        (FreezeKind.MASK, "domain-1"),
        (FreezeKind.OWNER, "999999"),
        (FreezeKind.DOMAIN, "hop.example"),
        (FreezeKind.DOMAIN, "other.shop.example"),
        (FreezeKind.REASON, "new_mask"),
    ],
)
def test_what_is_not_frozen_is_forwarded(
    relay: Relay, owner: Profile, kind: FreezeKind, target: str
) -> None:
    freeze(relay, kind, target)
    assert relay.arrive(MASK, **FROM_BOB) == (FORWARDED,)


def test_what_the_owner_blocks_is_not_held(relay: Relay, owner: Profile) -> None:
    owner.randommask_set.update(block="all")
    freeze(relay, FreezeKind.OWNER, owner.pk)
    (outcome,) = relay.arrive(MASK)
    assert isinstance(outcome, Blocked)


def test_a_frozen_owner_gets_no_new_masks(relay: Relay, owner: Profile) -> None:
    freeze(relay, FreezeKind.REASON, "new_mask")
    assert relay.arrive("shop@ann.masks.example") == (FROZEN,)
    assert not DomainMask.objects.exists()
    unfreeze(relay)
    relay.release_held()
    assert DomainMask.objects.get().local == "shop"


def test_what_would_be_dropped_for_a_frozen_reason_is_held(relay: Relay, owner: Profile) -> None:
    owner.user.is_active = False
    owner.user.save()
    assert relay.arrive(MASK) == (Dropped(DropReason.DEACTIVATED),)
    freeze(relay, FreezeKind.REASON, "deactivated")
    assert relay.arrive(MASK) == (FROZEN,)
    assert unfreeze(relay) == 0, "nobody gets it yet"
    owner.user.is_active = True
    owner.user.save()
    assert release_after_freezes([], relay.now, 100) == 1


@pytest.mark.parametrize("kind", [FreezeKind.MASK, FreezeKind.OWNER, FreezeKind.REASON])
def test_a_mail_that_somebody_releases_waits_for_the_end_of_a_freeze(
    relay: Relay, owner: Profile, kind: FreezeKind
) -> None:
    owner.blocks_spam = True
    owner.save()
    relay.arrive(MASK, spam="FAIL")
    (mail,) = held.find_held()
    assert mail.reason is HeldReason.SPAM
    freeze(relay, kind, "spam" if kind is FreezeKind.REASON else target_of(kind, owner))

    held.release([mail.id])
    relay.release_held()
    assert relay.mailer.sent == []

    unfreeze(relay)
    relay.release_held()
    assert len(relay.mailer.sent) == 1


def test_of_two_freezes_the_second_holds_it_again(relay: Relay, owner: Profile) -> None:
    freeze(relay, FreezeKind.DOMAIN, "shop.example", "c1")
    freeze(relay, FreezeKind.DOMAIN, "news.shop.example", "c2")
    relay.arrive(MASK, **FROM_BOB)

    assert unfreeze(relay) == 1
    relay.release_held()
    assert relay.mailer.sent == []
    assert HeldMail.objects.get().frozen_by == "c2"

    relay.now += timedelta(minutes=11)
    assert unfreeze(relay) == 1
    relay.release_held()
    assert len(relay.mailer.sent) == 1


def test_the_oldest_are_released_first(relay: Relay, owner: Profile) -> None:
    freeze(relay, FreezeKind.OWNER, owner.pk)
    for _ in range(3):
        relay.arrive(MASK)
        relay.now += timedelta(minutes=1)
    oldest = HeldMail.objects.order_by("received_at", "pk").values_list("pk", flat=True)[0]
    relay.controls.in_force = ()
    assert release_after_freezes([], relay.now, 1) == 1
    assert HeldMail.objects.get(state="releasing").pk == oldest


@pytest.mark.parametrize("kind", [FreezeKind.MASK, FreezeKind.OWNER])
def test_a_frozen_owner_s_reply_waits_and_is_sent_later(
    relay: Relay, owner: Profile, kind: FreezeKind
) -> None:
    quoted = a_forwarded_mail(relay)
    freeze(relay, kind, target_of(kind, owner))

    with pytest.raises(NotFinished) as waits:
        answer(relay, {"In-Reply-To": quoted}, raw=REPLY)

    assert waits.value.reason == RetryReason.FROZEN
    assert waits.value.max_tries is None, "no attempt is charged to it"
    assert len(relay.mailer.sent) == 1
    unfreeze(relay)
    answer(relay, {"In-Reply-To": quoted}, raw=REPLY)
    assert relay.mailer.sent[-1].recipient == "bob@sender.example"


def test_while_sending_is_paused_nothing_is_sent_and_no_attempt_is_charged(
    relay: Relay, owner: Profile
) -> None:
    relay.controls.is_paused = True

    with pytest.raises(NotFinished) as waits:
        relay.arrive(MASK, sns_message_id="sns-1", key="key-1")

    assert (waits.value.reason, waits.value.max_tries) == (RetryReason.SENDING_PAUSED, None)
    assert relay.mailer.sent == []
    relay.controls.is_paused = False
    assert relay.arrive(MASK, sns_message_id="sns-1", key="key-1") == (FORWARDED,)
    assert relay.arrive(MASK, sns_message_id="sns-1", key="key-1") == (FORWARDED,)
    assert len(relay.mailer.sent) == 1


def test_a_pause_that_begins_while_a_mail_waits_for_its_turn_holds_it_back(
    relay: Relay, owner: Profile
) -> None:
    def pause() -> None:
        relay.controls.is_paused = True

    relay.pace.wait_turn = pause  # type: ignore[method-assign]
    with pytest.raises(NotFinished):
        relay.arrive(MASK)
    assert relay.mailer.sent == []


def test_while_sending_is_paused_releases_wait_without_blame(relay: Relay, owner: Profile) -> None:
    freeze(relay, FreezeKind.OWNER, owner.pk)
    relay.arrive(MASK)
    relay.arrive(MASK)
    unfreeze(relay)
    relay.controls.is_paused = True
    for _ in range(5):
        relay.release_held()
    assert {row.attempts for row in HeldMail.objects.all()} == {0}
    relay.controls.is_paused = False
    relay.release_held()
    assert len(relay.mailer.sent) == 2


def test_a_mail_that_ses_has_is_recorded_in_spite_of_a_freeze(relay: Relay, owner: Profile) -> None:
    """Otherwise it would be forwarded a second time when the freeze is over."""
    relay.arrive(MASK, sns_message_id="sns-1", key="key-1")
    freeze(relay, FreezeKind.OWNER, owner.pk)
    assert relay.arrive(MASK, sns_message_id="sns-1", key="key-1") == (
        Forwarded(ForwardReason.EXISTING_MASK),
    )
