"""Whose bounce or complaint it is: by tag, sender, address. Strangers try to lie."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from waffle.models import Flag

from emails.models import MailboxBreaker, Profile, RandomMask
from emails.values.outcomes import Recorded, RecordReason
from tests.integration.emails.conftest import Relay, a_mask, an_owner
from tests.unit.emails.builders import bounce, complaint

HARD = Recorded(RecordReason.HARD_BOUNCE)
UNKNOWN = Recorded(RecordReason.UNKNOWN_RECIPIENT)
REPLY = Recorded(RecordReason.REPLY_BOUNCED)
SHAPES = pytest.mark.parametrize("shape", ["notificationType", "eventType"])


@pytest.fixture(autouse=True)
def _fresh_cache() -> None:
    """Waffle caches flags for some minutes, across tests."""
    cache.clear()


def forward_of(mask: RandomMask) -> dict[str, Any]:
    """What SES says of a mail that we forwarded from a mask."""
    return {"shape": "eventType", "tags": {"kind": "forward", "mask": f"random-{mask.pk}"}}


def reply_of(mask: RandomMask) -> dict[str, Any]:
    return {"shape": "eventType", "tags": {"kind": "reply", "mask": f"random-{mask.pk}"}}


def test_a_mailbox_that_forwards_is_the_owners_whoever_bounced(relay: Relay) -> None:
    """The mail went to the address on file, and bounced behind it."""
    mask = a_mask(an_owner())

    outcomes = relay.notify(
        bounce("ann@forwarded.example", destination=["Ann@owner.example"], **forward_of(mask))
    )

    assert outcomes == (HARD,)


def test_a_complaint_from_behind_the_owners_mailbox_counts_for_the_masks_owner(
    relay: Relay,
) -> None:
    mask = a_mask(an_owner())

    outcomes = relay.notify(
        complaint("ann@forwarded.example", destination=["ann@owner.example"], **forward_of(mask))
    )

    assert outcomes == (Recorded(RecordReason.SPAM_BLOCKING_ON),)
    assert Profile.objects.get().blocks_spam


def test_the_bounce_of_a_former_address_leaves_the_new_one_alone(relay: Relay) -> None:
    mask = a_mask(an_owner())
    get_user_model().objects.update(email="ann@new.example")

    outcomes = relay.notify(
        bounce("ann@owner.example", destination=["ann@owner.example"], **forward_of(mask))
    )

    assert outcomes == (Recorded(RecordReason.BOUNCE_OF_FORMER_ADDRESS),)


def test_a_complaint_of_a_former_address_still_counts_for_the_mask(relay: Relay) -> None:
    mask = a_mask(an_owner(blocks_spam=True))
    get_user_model().objects.update(email="ann@new.example")

    relay.notify(complaint("ann@owner.example", **forward_of(mask)))

    mask.refresh_from_db()
    assert mask.block == "all"


@SHAPES
def test_without_tags_the_sender_must_be_a_mask_of_the_bounced_owner(
    relay: Relay, shape: str
) -> None:
    """A stranger puts the victim's address into Reply-To, and answers through an own mask."""
    an_owner("victim@owner.example")
    a_mask(an_owner("mallory@owner.example"), local="m9")

    outcomes = relay.notify(bounce("victim@owner.example", shape=shape, source="m9@masks.example"))

    assert outcomes == (UNKNOWN,)


def test_an_answer_to_the_victims_address_is_a_reply_by_its_tags(relay: Relay) -> None:
    a_mask(an_owner("victim@owner.example"))
    theirs = a_mask(an_owner("mallory@owner.example"), local="m9")

    assert relay.notify(bounce("victim@owner.example", **reply_of(theirs))) == (REPLY,)


@pytest.mark.parametrize("kind", ["bounce", "complaint"])
@pytest.mark.parametrize("is_tagged", [True, False])
def test_an_answer_to_sess_simulator_hurts_nobody(relay: Relay, kind: str, is_tagged: bool) -> None:
    """`Reply-To: bounce+random-7@simulator.amazonses.com`, answered by its own author."""
    victims = a_mask(an_owner("victim@owner.example"))
    theirs = a_mask(an_owner("mallory@owner.example"), local="m9")
    simulated = f"{kind}+random-{victims.pk}@simulator.amazonses.com"
    how: dict[str, Any] = reply_of(theirs) if is_tagged else {"source": "m9@masks.example"}
    make = bounce if kind == "bounce" else complaint

    (outcome,) = relay.notify(make(simulated, destination=[simulated], **how))

    assert outcome in (UNKNOWN, REPLY, Recorded(RecordReason.REPLY_COMPLAINT))
    assert not Profile.objects.filter(blocks_spam=True).exists()
    assert not MailboxBreaker.objects.exists()


@pytest.mark.parametrize("label", ["DEV:simulate_complaint", "", "my DEV:"])
@pytest.mark.parametrize("has_flag", [True, False])
def test_the_simulator_counts_only_in_developer_mode(
    relay: Relay, label: str, has_flag: bool
) -> None:
    owner = an_owner()
    mask = a_mask(owner, label=label)
    flag: Any = Flag.objects.create(name="developer_mode")
    if has_flag:
        flag.users.add(owner.user)
    simulated = f"complaint+random-{mask.pk}@simulator.amazonses.com"

    outcomes = relay.notify(complaint(simulated, **forward_of(mask)))

    is_developers = has_flag and label.startswith("DEV:")
    counted = Recorded(RecordReason.SPAM_BLOCKING_ON)
    assert outcomes == (counted if is_developers else UNKNOWN,)


def test_an_owner_whose_address_is_at_the_simulator_is_an_owner(relay: Relay) -> None:
    mask = a_mask(an_owner("bounce@simulator.amazonses.com"))

    assert relay.notify(bounce("bounce@simulator.amazonses.com", **forward_of(mask))) == (HARD,)


def test_a_tagged_mail_of_a_deleted_mask_is_attributed_by_its_address(relay: Relay) -> None:
    mask = a_mask(an_owner())
    tagged = forward_of(mask)
    mask.delete()

    assert relay.notify(bounce("ann@owner.example", **tagged)) == (HARD,)
    assert relay.notify(bounce("ann@owner.example")) == (UNKNOWN,)


def test_the_bounced_notice_of_an_owner_counts(relay: Relay) -> None:
    mask = a_mask(an_owner())
    tagged: dict[str, Any] = {
        "shape": "eventType",
        "tags": {"kind": "notice", "mask": f"random-{mask.pk}"},
    }

    assert relay.notify(bounce("ann@owner.example", source="", **tagged)) == (HARD,)


@pytest.mark.parametrize("make", [bounce, complaint])
def test_feedback_that_names_nobody_has_an_outcome_and_a_log_line(
    relay: Relay, make: Any, caplog: pytest.LogCaptureFixture
) -> None:
    a_mask(an_owner())

    assert relay.notify(make()) == (Recorded(RecordReason.NO_RECIPIENT),)

    (settled,) = (line for line in caplog.records if line.message == "settled")
    assert vars(settled)["reason"] == "no_recipient"


@pytest.mark.parametrize(("make", "expected"), [(bounce, "bounced"), (complaint, "complained")])
@pytest.mark.parametrize("tagged", ["reply", "notice", "deleted mask", "unknown mask"])
def test_feedback_about_any_mail_that_names_nobody_has_an_outcome(
    relay: Relay, make: Any, expected: str, tagged: str
) -> None:
    mask = a_mask(an_owner())
    kind = tagged if tagged in ("reply", "notice") else "forward"
    number = mask.pk + 1 if tagged == "unknown mask" else mask.pk
    if tagged == "deleted mask":
        mask.delete()
    tags = {"kind": kind, "mask": f"random-{number}"}

    (outcome,) = relay.notify(make(shape="eventType", tags=tags, destination=["ann@owner.example"]))

    ours = {"bounced": RecordReason.HARD_BOUNCE, "complained": RecordReason.SPAM_BLOCKING_ON}
    outcomes = {
        ("reply", "bounced"): RecordReason.REPLY_BOUNCED,
        ("reply", "complained"): RecordReason.REPLY_COMPLAINT,
        ("notice", "bounced"): RecordReason.HARD_BOUNCE,
        ("notice", "complained"): RecordReason.NOTICE_COMPLAINT,
    }
    assert outcome == Recorded(outcomes.get((tagged, expected), ours[expected]))


def test_feedback_that_names_nobody_counts_for_the_owner_whose_mask_is_in_its_tag(
    relay: Relay,
) -> None:
    mask = a_mask(an_owner())
    how = forward_of(mask) | {"destination": ["ann@owner.example"]}

    assert relay.notify(bounce(**how)) == (HARD,)
    assert relay.notify(complaint(**how)) == (Recorded(RecordReason.SPAM_BLOCKING_ON),)


def test_one_complaint_counts_once_whoever_else_it_may_be_from(relay: Relay) -> None:
    """SES lists everybody who may have complained."""
    mask = a_mask(an_owner())

    outcomes = relay.notify(complaint("ann@owner.example", "bob@owner.example", **forward_of(mask)))

    assert outcomes == (Recorded(RecordReason.SPAM_BLOCKING_ON),)
    mask.refresh_from_db()
    assert mask.block == "none"


def test_a_complaint_cannot_disable_another_owners_mask(relay: Relay) -> None:
    a_mask(an_owner())
    an_owner("eve@owner.example", blocks_spam=True)

    assert relay.notify(complaint("eve@owner.example")) == (UNKNOWN,)
    assert RandomMask.objects.get().block == "none"
