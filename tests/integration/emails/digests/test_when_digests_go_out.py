"""When digests go out, and to whom."""

from datetime import timedelta

import pytest

from emails.models import Delivery, HeldDigest, HeldMail, MailboxBreaker, Profile
from emails.store import digests, held, held_releases, retention
from emails.values.errors import Refused
from emails.values.outcomes import HeldReason, RefuseReason
from tests.integration.emails.conftest import Relay
from tests.integration.emails.digests.conftest import DAY, HOUR, MASK, hold, send_due, sent, text_of
from tests.unit.emails.builders import NOW


def test_a_quiet_owner_is_told_after_an_hour_of_all_that_came_meanwhile(
    relay: Relay, owner: Profile
) -> None:
    hold(relay, "first")
    relay.now += timedelta(minutes=59)
    hold(relay, "second")
    send_due(relay)
    assert sent(relay) == []

    relay.now += timedelta(minutes=1)
    send_due(relay)

    (mail,) = sent(relay)
    assert (mail["To"], mail["From"]) == ("ann@owner.example", "relay@masks.example")
    assert mail["Subject"] == "2 mails are held for you"
    assert (mail["Auto-Submitted"], mail["X-Mail-Relay-Loop"]) == ("auto-generated", "notice")
    for kind in ("plain", "html"):
        text = text_of(mail, kind)
        assert text.index("second") < text.index("first")
        assert "bob@sender.example" in text
        assert MASK in text
        assert "It looks like spam." in text
    assert relay.mailer.sent[0].recipient == "ann@owner.example"
    (stored,) = HeldDigest.objects.all()
    assert stored.ended_at == relay.now


def test_at_most_one_digest_a_day_and_only_of_something_new(relay: Relay, owner: Profile) -> None:
    hold(relay)
    for _ in range(72):
        relay.now += HOUR
        send_due(relay)
    assert len(sent(relay)) == 1

    for number in range(48):
        hold(relay, f"new {number}")
        relay.now += HOUR
        send_due(relay)
    assert len(sent(relay)) == 3
    assert sent(relay)[1]["Subject"] == "2 mails are held for you"


@pytest.mark.usefixtures("owner")
def test_what_is_no_longer_held_is_not_told_of(relay: Relay) -> None:
    hold(relay, "first")
    hold(relay, "second")
    held.discard([held.find_held()[0].id], NOW)
    relay.now += HOUR

    send_due(relay)

    assert "first" not in text_of(sent(relay)[0])
    assert sent(relay)[0]["Subject"] == "1 mail is held for you"


@pytest.mark.usefixtures("owner")
def test_nothing_is_sent_if_nothing_is_held_any_more(relay: Relay) -> None:
    hold(relay)
    relay.now += HOUR
    opened = digests.open_digest(HeldMail.objects.get().owner_id or 0, relay.now)
    assert opened is not None
    held.discard([held.find_held()[0].id], NOW)

    send_due(relay)

    assert sent(relay) == []
    assert Delivery.objects.get(sns_message_id=f"digest-{opened.id}").reason == "digest_not_needed"
    assert HeldDigest.objects.get().ended_at is not None


@pytest.mark.usefixtures("owner")
@pytest.mark.parametrize("already_open", [False, True])
def test_a_digest_does_not_go_to_a_mailbox_that_refuses_mail(
    relay: Relay, already_open: bool
) -> None:
    hold(relay)
    hold(relay)
    relay.now += HOUR
    mail = HeldMail.objects.first()
    assert mail is not None
    assert mail.owner is not None
    if already_open:
        digests.open_digest(mail.owner_id or 0, relay.now)
    MailboxBreaker.objects.create(
        profile=mail.owner,
        address="ann@owner.example",
        meaning="gone",
        opened_at=relay.now,
        wait=HOUR,
        next_probe_at=relay.now + DAY,
    )
    HeldMail.objects.filter(pk=mail.pk).update(reason="mailbox")
    send_due(relay)
    assert sent(relay) == []

    MailboxBreaker.objects.all().delete()
    send_due(relay)
    assert sent(relay)[0]["Subject"] == "1 mail is held for you"


@pytest.mark.parametrize("change", ["deactivated", "deleted"])
def test_an_owner_who_is_gone_gets_no_digest(relay: Relay, owner: Profile, change: str) -> None:
    hold(relay)
    relay.now += HOUR
    if change == "deleted":
        owner.user.delete()
    else:
        owner.user.is_active = False
        owner.user.save()

    send_due(relay)

    assert sent(relay) == []


def test_old_digests_are_removed_when_their_links_have_expired(
    relay: Relay, owner: Profile
) -> None:
    hold(relay)
    relay.now += HOUR
    send_due(relay)

    assert retention.remove_old_digests(relay.now + timedelta(days=44), timedelta(days=30)) == 0
    assert retention.remove_old_digests(relay.now + timedelta(days=46), timedelta(days=30)) == 1


def test_a_released_mail_that_is_held_again_is_told_of_again(relay: Relay, owner: Profile) -> None:
    """Its owner thinks that it is on its way."""
    hold(relay)
    relay.now += HOUR
    send_due(relay)
    relay.pass_time(DAY)
    held.release([held.find_held()[0].id])
    relay.mailer.fails = [Refused(RefuseReason.SEND_REJECTED)]
    relay.release_held()

    send_due(relay)
    send_due(relay)

    assert relay.notices() == ["mail_unsendable"]
    assert len(sent(relay)) == 3
    assert "It could not be sent on as it is." in text_of(sent(relay)[2])
    relay.pass_time(DAY)
    send_due(relay)
    assert len(sent(relay)) == 3, "told once"


@pytest.mark.parametrize("reason", [HeldReason.SPAM, HeldReason.MASK_LIMIT, HeldReason.MAILBOX])
def test_who_knows_or_need_not_know_is_not_told_again(
    relay: Relay, owner: Profile, reason: HeldReason
) -> None:
    hold(relay)
    relay.now += HOUR
    send_due(relay)
    relay.pass_time(DAY)

    held.release_all(owner.pk, HeldReason.SPAM)
    held_releases.hold_again(HeldMail.objects.all(), reason)
    send_due(relay)

    assert len(sent(relay)) == 1
