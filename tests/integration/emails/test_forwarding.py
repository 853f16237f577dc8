"""A mail to a mask reaches its owner, is counted, and is deleted from the store."""

from email.utils import parseaddr

import pytest

from emails.models import DeletedMask, Delivery, RandomMask, Reply, SenderCounter
from emails.values.errors import NotFinished, Refused, Unavailable
from emails.values.notifications import StoredMail
from emails.values.outcomes import (
    Blocked,
    BlockReason,
    Dropped,
    DropReason,
    Forwarded,
    ForwardReason,
    Ignored,
    IgnoreReason,
    NoMask,
    NoMaskReason,
)
from runtime.dependencies import Dependency
from runtime.message_context import MessageContext, about
from tests.integration.emails.conftest import RAW, Relay, a_mask, an_owner
from tests.unit.emails.builders import BUCKET, NOW, received

FORWARDED = Forwarded(ForwardReason.EXISTING_MASK)


def test_a_mail_to_a_mask_goes_to_its_owner_and_is_deleted_from_the_store(relay: Relay) -> None:
    a_mask(an_owner())

    outcomes = relay.arrive("x7k2@masks.example")

    assert outcomes == (FORWARDED,)
    (sent,) = relay.mailer.sent
    assert (sent.sender, sent.recipient) == ("x7k2@masks.example", "ann@owner.example")
    mail = relay.mailer.mail_to("ann@owner.example")
    assert "x7k2@masks.example" in mail["From"]
    name, address = parseaddr(mail["Reply-To"])
    assert (name, address) == ("Bob <bob@sender.example> [via Relay]", "replies@masks.example")
    server, dmarc, *_ = mail["Authentication-Results"].split(";")
    assert (server, dmarc.strip()) == ("masks.example", "dmarc=pass header.from=sender.example")
    assert "Good morning." in str(mail)
    assert relay.mail_store.mails == {}


def test_a_forwarded_mail_is_counted_and_can_be_replied_to(relay: Relay) -> None:
    a_mask(an_owner())

    relay.arrive("x7k2@masks.example")

    mask = RandomMask.objects.get()
    assert (mask.forwarded, mask.last_used_at) == (1, relay.now)
    size = len(relay.mailer.sent[0].raw)
    assert (mask.counted_on, mask.mails_that_day, mask.bytes_that_day) == (NOW.date(), 1, size)
    assert list(SenderCounter.objects.values_list("mails", "bytes")) == [(1, size)]
    assert Reply.objects.get().random_mask == mask


def test_the_tags_of_a_sent_mail_lead_to_the_mask_without_its_address(relay: Relay) -> None:
    mask = a_mask(an_owner())

    relay.arrive("x7k2@masks.example")

    tags = dict(relay.mailer.sent[0].tags)
    assert tags.pop("delivery").startswith(f"{Delivery.objects.get().pk}-")
    assert tags == {"kind": "forward", "mask": f"random-{mask.pk}"}


def test_a_delivery_keeps_its_mask_and_all_ids_of_its_mail(relay: Relay) -> None:
    mask = a_mask(an_owner())

    with about(MessageContext("sqs-1", "sns-1", "mails/1")):
        relay.arrive("x7k2@masks.example", "nobody@masks.example", sns_message_id="sns-1")

    forwarded, nobody = Delivery.objects.order_by("pk")
    for delivery in (forwarded, nobody):
        ids = (delivery.sqs_message_id, delivery.sns_message_id, delivery.mail_id)
        assert ids == ("sqs-1", "sns-1", "mails/1")
        assert delivery.purpose == "received"
    assert (forwarded.mask, forwarded.sent_as) == (f"random-{mask.pk}", "0100-0001")
    assert (nobody.mask, nobody.sent_as) == (None, None)


@pytest.mark.parametrize(
    "recipient",
    [
        "X7K2@Masks.Example",
        "x7k2+shop@masks.example",
        '"x7k2"@masks.example',
        "x7k2@MASKS.EXAMPLE.",
    ],
)
def test_every_spelling_of_a_mask_finds_it(relay: Relay, recipient: str) -> None:
    a_mask(an_owner())

    assert relay.arrive(recipient) == (FORWARDED,)


def test_each_of_two_masks_gets_the_mail_and_a_mask_named_twice_gets_it_once(relay: Relay) -> None:
    a_mask(an_owner("ann@owner.example"))
    a_mask(an_owner("eve@owner.example"), "y8m3")

    relay.arrive("x7k2@masks.example", "y8m3@masks.example", "x7k2+tag@masks.example")

    assert [mail.recipient for mail in relay.mailer.sent] == [
        "ann@owner.example",
        "eve@owner.example",
    ]
    assert len(relay.mail_store.fetched) == 1


def test_the_envelope_decides_who_gets_a_mail_not_its_headers(relay: Relay) -> None:
    """Lesson 3: a Bcc to one mask, with another in `To`."""
    a_mask(an_owner("ann@owner.example"))
    a_mask(an_owner("eve@owner.example"), "y8m3")

    relay.arrive("y8m3@masks.example", headers={"To": "x7k2@masks.example"})

    assert [mail.recipient for mail in relay.mailer.sent] == ["eve@owner.example"]


def test_a_mail_to_no_mask_is_deleted_without_being_fetched(relay: Relay) -> None:
    outcomes = relay.arrive("nobody@masks.example", "noreply@masks.example")

    assert outcomes == (NoMask(NoMaskReason.UNKNOWN), Ignored(IgnoreReason.NOREPLY))
    assert relay.mail_store.fetched == []
    assert relay.mail_store.mails == {}


def test_a_deleted_mask_and_an_unknown_one_have_different_reasons(relay: Relay) -> None:
    a_mask(an_owner()).delete()

    assert relay.arrive("x7k2@masks.example") == (NoMask(NoMaskReason.DELETED),)
    assert DeletedMask.objects.count() == 1


@pytest.mark.parametrize("recipients", [["ceo@sender.example"], ["a@b.example", "c@d.example"], []])
def test_a_mail_to_another_domain_is_ignored_and_left_to_the_buckets_expiry(
    relay: Relay, recipients: list[str]
) -> None:
    """It may be somebody else's, or our setting may be wrong: it is not ours to delete."""
    assert relay.arrive(*recipients) == (Ignored(IgnoreReason.NOT_OURS),)
    assert relay.mail_store.fetched == []
    assert len(relay.mail_store.mails) == 1


def test_a_mail_that_is_ours_only_in_part_is_forwarded_and_left_in_the_bucket(
    relay: Relay,
) -> None:
    a_mask(an_owner())

    assert relay.arrive("ceo@sender.example", "x7k2@masks.example") == (FORWARDED,)
    assert len(relay.mail_store.mails) == 1


NO_MAILS = {
    "empty": b"",
    "a text": b"Hello\r\n",
    "a text after a blank line": b"\r\nSubject: Hello\r\n\r\nHello\r\n",
    "ciphertext": bytes(range(256)) * 2,
    "zeros": b"\0" * 400,
    "a picture": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR: no header\r\n",
    "a mailbox's first line": b"From bob@sender.example Mon Nov  2 10:00:00 2026\r\n\r\nHello\r\n",
}


@pytest.mark.parametrize("raw", NO_MAILS.values(), ids=NO_MAILS)
@pytest.mark.parametrize("recipient", ["x7k2@masks.example", "replies@masks.example"])
def test_what_has_no_header_is_no_mail_and_is_refused_and_kept(
    relay: Relay, raw: bytes, recipient: str
) -> None:
    """It was forwarded as noise from an unknown sender, and deleted."""
    a_mask(an_owner(is_premium=True))
    relay.arrive("x7k2@masks.example")
    quoting = {"From": "ann@owner.example", "In-Reply-To": "<0100-0001@email.amazonses.com>"}

    with pytest.raises(Refused) as refused:
        relay.arrive(
            recipient,
            raw=raw,
            source="ann@owner.example",
            headers=quoting if recipient.startswith("replies") else None,
        )

    assert refused.value.reason == "not_a_mail"
    assert list(relay.mail_store.mails.values()) == [raw]
    assert len(relay.mailer.sent) == 1


def test_what_has_no_header_is_not_deleted_although_another_recipient_was_settled(
    relay: Relay,
) -> None:
    a_mask(an_owner())

    with pytest.raises(Refused):
        relay.arrive("nobody@masks.example", "x7k2@masks.example", raw=b"")

    assert list(relay.mail_store.mails.values()) == [b""]


@pytest.mark.parametrize(
    ("block", "outcome", "counter"),
    [
        ("all", Blocked(BlockReason.BLOCKS_ALL), "blocked"),
        ("none", Dropped(DropReason.VIRUS), "dropped"),
    ],
)
def test_a_mail_that_is_not_forwarded_is_counted_and_not_fetched(
    relay: Relay, block: str, outcome: object, counter: str
) -> None:
    a_mask(an_owner(), block=block)

    assert relay.arrive("x7k2@masks.example", virus="PASS" if block == "all" else "FAIL") == (
        outcome,
    )
    assert getattr(RandomMask.objects.get(), counter) == 1
    assert relay.mail_store.fetched == []


def test_a_notification_that_names_another_bucket_waits_for_the_right_setting(
    relay: Relay,
) -> None:
    a_mask(an_owner())
    relay.with_policy(bucket="another")

    with pytest.raises(Unavailable) as unavailable:
        relay.arrive("x7k2@masks.example")

    assert unavailable.value.reason == "foreign_bucket"
    assert unavailable.value.dependency is Dependency.CONFIGURATION
    assert relay.mail_store.mails != {}


def test_an_inline_mail_needs_no_store(relay: Relay) -> None:
    a_mask(an_owner())

    relay.arrive("x7k2@masks.example", content=RAW.decode())

    assert "Good morning." in str(relay.mailer.mail_to("ann@owner.example"))
    assert relay.mail_store.fetched == []


def test_headers_that_ses_left_out_are_read_from_the_mail(relay: Relay) -> None:
    """A list mail whose List-Id SES left out of the notification."""
    a_mask(an_owner(is_premium=True), block="promotions")
    notification = received("x7k2@masks.example")
    notification["mail"]["headersTruncated"] = True
    relay.mail_store.mails[StoredMail(BUCKET, "key-1")] = (
        b"List-Id: <news.sender.example>\r\n\r\nBuy!\r\n"
    )

    assert relay.notify(notification) == (Blocked(BlockReason.BLOCKS_PROMOTIONS),)


def test_a_mail_to_no_mask_is_not_fetched_for_the_headers_that_ses_left_out(relay: Relay) -> None:
    """Masks that were given up get most of the mail; nothing in it would change what follows."""
    notification = received("x7k2@masks.example")
    notification["mail"]["headersTruncated"] = True

    assert relay.notify(notification) == (NoMask(NoMaskReason.UNKNOWN),)
    assert relay.mail_store.fetched == []


@pytest.mark.parametrize(
    ("recipient", "outcome"),
    [
        ('"odd local"@masks.example', NoMask(NoMaskReason.UNKNOWN)),
        ("x7k2@bücher.example", FORWARDED),
        ("x7k2@xn--bcher-kva.example", FORWARDED),
        ("no address", Ignored(IgnoreReason.NOT_OURS)),
        ("nul\x00@masks.example", Ignored(IgnoreReason.NOT_OURS)),
        ("a\ud800@masks.example", Ignored(IgnoreReason.NOT_OURS)),
    ],
)
def test_odd_recipients_have_named_outcomes(relay: Relay, recipient: str, outcome: object) -> None:
    relay.with_policy(mask_domains=("masks.example", "bücher.example"))
    relay.mailer.domains.add("xn--bcher-kva.example")
    RandomMask.objects.create(profile=an_owner(), local="x7k2", domain="xn--bcher-kva.example")

    assert relay.arrive(recipient) == (outcome,)


def test_a_mail_without_from_is_forwarded_but_cannot_be_replied_to(relay: Relay) -> None:
    a_mask(an_owner())

    assert relay.arrive("x7k2@masks.example", headers={}, source="") == (FORWARDED,)
    assert Reply.objects.count() == 0


def test_a_mail_missing_from_the_store_gets_some_time_to_appear(relay: Relay) -> None:
    a_mask(an_owner())

    with pytest.raises(NotFinished) as missing:
        relay.notify(received("x7k2@masks.example"))

    assert missing.value.reason == "mail_missing"
