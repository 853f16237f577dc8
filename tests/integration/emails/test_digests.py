"""Digests of held mails: when they go out, once, to whom, and what they say."""

from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from emails.flow import digests as flow
from emails.flow.digests import send_digests
from emails.models import Delivery, HeldDigest, HeldMail, MailboxBreaker, Profile
from emails.store import digests, held, retention
from emails.values.deliveries import SendInDoubt
from emails.values.errors import Refused, Unavailable
from emails.values.outcomes import RefuseReason, RetryReason
from runtime.dependencies import Dependency
from tests.integration.emails.conftest import Relay, TimeIsOver, a_mask, an_owner
from tests.unit.emails.builders import NOW

MASK = "x7k2@masks.example"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def hold(relay: Relay, subject: str = "Cheap pills", to: str = MASK, **headers: str) -> None:
    fields = {"From": "Bob <bob@sender.example>", "Subject": subject} | headers
    raw = "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\nhello\r\n"
    relay.arrive(to, raw=raw.encode(), headers=fields, spam="FAIL")


def send_due(relay: Relay) -> None:
    send_digests(relay.ports(), lambda: relay.now, lambda: False)


def sent(relay: Relay) -> list[EmailMessage]:
    found = [message_from_bytes(mail.raw, policy=policy.default) for mail in relay.mailer.sent]
    return [mail for mail in found if isinstance(mail, EmailMessage)]


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\u200b", "")


@pytest.fixture
def owner(relay: Relay) -> Profile:
    owner = an_owner(blocks_spam=True)
    a_mask(owner)
    return owner


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
    assert mail is not None and mail.owner is not None
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


KILLED_AT: dict[str, Callable[[pytest.MonkeyPatch, Relay], None]] = {
    "before the claim": lambda patch, _: patch.setattr(flow, "run_once", _die),
    "while the mails are read": lambda _, relay: setattr(relay.mail_store, "fails", [TimeIsOver()]),
    "before it is ended": lambda patch, _: patch.setattr(digests, "end", _die),
}


def _die(*_: object) -> None:
    raise TimeIsOver


@pytest.mark.usefixtures("owner")
@pytest.mark.parametrize("moment", KILLED_AT)
def test_a_killed_attempt_is_continued_and_one_digest_is_sent(
    relay: Relay, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    hold(relay)
    relay.now += HOUR
    with monkeypatch.context() as patch:
        KILLED_AT[moment](patch, relay)
        with pytest.raises(TimeIsOver):
            send_due(relay)
    relay.pass_time(timedelta(minutes=10))

    for _ in range(3):
        send_due(relay)

    assert len(sent(relay)) == 1
    assert HeldDigest.objects.get().ended_at is not None


@pytest.mark.usefixtures("owner")
@pytest.mark.parametrize(
    "failure", [SendInDoubt(), Refused(RefuseReason.SEND_REJECTED)], ids=["doubt", "refusal"]
)
def test_a_digest_that_was_perhaps_sent_or_refused_is_not_sent_again(
    relay: Relay, failure: Exception
) -> None:
    hold(relay)
    relay.now += HOUR
    relay.mailer.fails = [failure]

    for _ in range(3):
        send_due(relay)
        relay.pass_time(timedelta(minutes=10))

    assert sent(relay) == []
    assert HeldDigest.objects.get().ended_at is not None


@pytest.mark.parametrize("broken", ["s3", "ses"])
def test_a_fault_of_the_world_stops_the_run_and_the_next_one_sends(
    relay: Relay, owner: Profile, broken: str
) -> None:
    other = an_owner("eve@owner.example", blocks_spam=True)
    a_mask(other, "other")
    hold(relay)
    hold(relay, to="other@masks.example")
    relay.now += HOUR
    dependency = Dependency.S3 if broken == "s3" else Dependency.SES
    failure = Unavailable(RetryReason.MAIL_STORE_UNAVAILABLE, dependency)
    if broken == "s3":
        relay.mail_store.fails = [failure]
    else:
        relay.mailer.fails = [failure]

    send_due(relay)
    assert sent(relay) == []
    send_due(relay)
    assert len(sent(relay)) == 2


@pytest.mark.usefixtures("owner")
def test_a_mail_that_can_not_be_read_is_told_of_without_sender_and_subject(relay: Relay) -> None:
    hold(relay, "there")
    hold(relay, "lost")
    relay.mail_store.mails.pop(held.find_held()[-1].mail)
    relay.now += HOUR

    send_due(relay)

    text = text_of(sent(relay)[0])
    assert "there" in text
    assert "(could not be read)" in text


@pytest.mark.usefixtures("owner")
def test_if_no_mail_can_be_read_the_digest_waits_for_an_hour(relay: Relay) -> None:
    hold(relay)
    relay.mail_store.mails.clear()
    relay.now += HOUR
    send_due(relay)
    assert sent(relay) == []

    relay.pass_time(HOUR)
    send_due(relay)
    assert "(could not be read)" in text_of(sent(relay)[0])


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
    assert len([url for url in urls if "/emails/held/" in url]) == 2
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


def test_old_digests_are_removed_when_their_links_have_expired(
    relay: Relay, owner: Profile
) -> None:
    hold(relay)
    relay.now += HOUR
    send_due(relay)

    assert retention.remove_old_digests(relay.now + timedelta(days=44), timedelta(days=30)) == 0
    assert retention.remove_old_digests(relay.now + timedelta(days=46), timedelta(days=30)) == 1
