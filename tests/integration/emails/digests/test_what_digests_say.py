"""What a digest says, in which language, and what it never shows."""

import pytest

from emails.flow import digests as flow
from emails.models import Delivery, HeldDigest, HeldMail, Profile
from tests.integration.emails.conftest import Relay
from tests.integration.emails.digests.conftest import HOUR, hold, send_due, sent, text_of


@pytest.mark.usefixtures("owner")
def test_a_digest_describes_thirty_mails_and_counts_the_rest(relay: Relay) -> None:
    for number in range(flow.MAX_ENTRIES + 2):
        hold(relay, f"number {number}.")
    relay.now += HOUR

    send_due(relay)

    (mail,) = sent(relay)
    assert mail["Subject"] == "32 mails are held for you"
    assert text_of(mail).count("number ") == flow.MAX_ENTRIES
    assert "And 2 more" in text_of(mail)


def test_neither_address_nor_subject_is_in_a_link_or_in_the_database(
    relay: Relay, owner: Profile
) -> None:
    hold(relay, "swordfish")
    relay.now += HOUR
    send_due(relay)

    rows = [*HeldMail.objects.values(), *HeldDigest.objects.values(), *Delivery.objects.values()]
    assert not any(word in str(rows) for word in ("swordfish", "sender.example", "owner.example"))
    urls = [word for word in text_of(sent(relay)[0]).split() if word.startswith("http")]
    assert len([url for url in urls if "/emails/held/" in url]) == 4
    for url in urls:
        assert "@" not in url
        assert "%40" not in url


@pytest.mark.usefixtures("owner")
def test_a_bounce_of_a_digest_names_a_mask_of_its_owner(relay: Relay) -> None:
    hold(relay)
    relay.now += HOUR
    send_due(relay)

    mask = HeldMail.objects.get().random_mask_id
    tags = [tag for tag in relay.mailer.sent[0].tags if tag[0] != "delivery"]
    assert tags == [("kind", "notice"), ("mask", f"random-{mask}")]


def test_a_sender_posing_as_us_or_not_proven_is_marked(relay: Relay, owner: Profile) -> None:
    hold(relay, "a", From="Relay <relay@masks.example>")
    hold(relay, "b", From="Bank <service@bank.example>")
    HeldMail.objects.update(verdicts={**HeldMail.objects.all()[0].verdicts, "dmarc": "FAIL"})
    relay.now += HOUR
    send_due(relay)

    text = text_of(sent(relay)[0])
    assert "somebody who poses as us" in text
    assert "relay@masks.example" not in text
    assert "service@bank.example “Bank” (not verified)" in text


@pytest.mark.parametrize(
    ("language", "subject"),
    [
        ("de", "1 Mail wird für Sie zurückgehalten"),
        ("es", "1 correo está retenido para usted"),
        ("fr", "1 message est retenu pour vous"),
    ],
)
def test_a_digest_is_in_the_owners_language(
    relay: Relay, owner: Profile, language: str, subject: str
) -> None:
    Profile.objects.update(language=language)
    hold(relay)
    relay.now += HOUR
    send_due(relay)

    (mail,) = sent(relay)
    assert mail["Subject"] == subject
    assert "not forwarded" not in text_of(mail) + text_of(mail, "html")
    assert "Release" not in text_of(mail, "html")
