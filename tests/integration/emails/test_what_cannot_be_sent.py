"""What SES refuses for its content is held, not a dead letter that nobody can mend. Lesson 45."""

from email import message_from_bytes
from typing import Any

import pytest

from emails.mime import rewrite_forward
from emails.models import DomainMask
from emails.store import held
from emails.values.errors import NotFinished, Refused
from emails.values.held import NewMask
from emails.values.outcomes import Forwarded, ForwardReason, Held, HeldReason, RetryReason
from tests.integration.emails.conftest import RAW, SNS_MESSAGE_ID, Relay, a_mask, an_owner

MASK = "x7k2@masks.example"
HELD = (Held(HeldReason.CANNOT_BE_SENT),)
REJECTED = Refused("send_rejected", "MessageRejected")

CERTIFICATE = (
    b"From: Bob <bob@sender.example>\r\nSubject: keys\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain\r\n\r\nIt is attached.\r\n"
    b'--b\r\nContent-Type: application/octet-stream; name="server.crt"\r\n\r\nPDF\r\n--b--\r\n'
)
SIGNED = (
    b"From: Bob <bob@sender.example>\r\nContent-Type: multipart/signed; boundary=s\r\n\r\n"
    b"--s\r\nContent-Type: a/b; name=server.crt\r\n\r\nPDF\r\n"
    b"--s\r\nContent-Type: application/pgp-signature\r\n\r\nS\r\n--s--\r\n"
)


@pytest.mark.parametrize("language", ["en", "de", "es", "fr"])
def test_a_renamed_attachment_arrives_and_the_note_says_so(relay: Relay, language: str) -> None:
    a_mask(an_owner(language=language))

    assert relay.arrive(MASK, raw=CERTIFICATE) == (Forwarded(ForwardReason.EXISTING_MASK),)

    _, text, file = message_from_bytes(relay.mailer.sent[0].raw).walk()
    assert file.get_filename() == "server.crt.renamed"
    note = bytes(text.get_payload(decode=True) or b"").decode()
    assert "server.crt\n" in note.replace("\r\n", "\n")
    assert ".renamed" in note


def rejected(relay: Relay) -> bytes:
    relay.mailer.fails = [REJECTED]
    return RAW


def signed(_: Relay) -> bytes:
    return SIGNED


def large(_: Relay) -> bytes:
    return RAW * 200


@pytest.mark.parametrize(
    ("make", "reason", "code", "said"),
    [
        (rejected, "rejected", "MessageRejected", b"does not say why"),
        (signed, "signed_name", "", b"digital signature"),
        (large, "too_large", "", b"larger than our mail service allows"),
    ],
)
def test_it_is_held_and_a_log_line_says_why(
    relay: Relay,
    make: Any,
    reason: str,
    code: str,
    said: bytes,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(rewrite_forward, "MAX_MAIL_BYTES", 5_000)
    a_mask(an_owner())
    raw = make(relay)

    assert relay.arrive(MASK, raw=raw, sns_message_id=SNS_MESSAGE_ID) == HELD

    assert relay.forwarded() == []
    (notice,) = relay.mailer.sent
    assert (notice.recipient, relay.notices()) == ("ann@owner.example", ["mail_unsendable"])
    assert said in notice.raw
    (mail,) = held.find_held()
    assert mail.reason is HeldReason.CANNOT_BE_SENT
    assert relay.mail_store.mails == {mail.mail: raw}
    (line,) = [one for one in caplog.records if one.getMessage() == "mail cannot be sent"]
    assert (vars(line)["reason"], vars(line)["error_code"]) == (reason, code)
    assert vars(line)["sns_message_id"] == SNS_MESSAGE_ID


def test_it_is_held_once(relay: Relay) -> None:
    a_mask(an_owner())
    for _ in range(3):
        relay.mailer.fails = [REJECTED]
        assert relay.arrive(MASK, sns_message_id=SNS_MESSAGE_ID) == HELD
        relay.mailer.fails = ()

    assert len(held.find_held()) == 1


def test_one_owner_gets_what_is_held_for_another(relay: Relay) -> None:
    a_mask(an_owner())
    a_mask(an_owner("eve@owner.example"), "y8m3")
    relay.mailer.fails_for["ann@owner.example"] = REJECTED

    outcomes = relay.arrive(MASK, "y8m3@masks.example")

    assert outcomes == (*HELD, Forwarded(ForwardReason.EXISTING_MASK))


def test_a_mask_that_the_mail_created_stays_and_the_mail_is_held_for_it(relay: Relay) -> None:
    an_owner(is_premium=True, subdomain="ann")

    assert relay.arrive("shop@ann.masks.example", raw=SIGNED) == HELD

    (mail,) = held.find_held()
    assert mail.target == NewMask("shop", "ann.masks.example")
    assert DomainMask.objects.count() == 1


def test_a_mail_that_could_not_be_kept_is_tried_again(relay: Relay) -> None:
    a_mask(an_owner())
    relay.mail_store.write_fails = [NotFinished(RetryReason.MAIL_STORE_UNAVAILABLE)]
    relay.mailer.fails = [REJECTED]
    with pytest.raises(NotFinished):
        relay.arrive(MASK, key="k", sns_message_id=SNS_MESSAGE_ID)

    assert relay.arrive(MASK, key="k", sns_message_id=SNS_MESSAGE_ID) == (
        Forwarded(ForwardReason.EXISTING_MASK),
    )


def test_a_reply_that_ses_refuses_stays_a_dead_letter(relay: Relay) -> None:
    """Its writer is to hear of it, and nobody is to release it."""
    a_mask(an_owner(is_premium=True))
    relay.arrive(MASK)
    relay.mailer.fails = [REJECTED]
    headers = {"From": "ann@owner.example", "In-Reply-To": "<0100-0001@email.amazonses.com>"}

    with pytest.raises(Refused) as refused:
        relay.arrive("replies@masks.example", headers=headers, source="ann@owner.example")

    assert refused.value.reason == "send_rejected"
    assert held.find_held() == ()
    assert relay.notices() == ["reply_refused"]


@pytest.mark.parametrize("reason", ["unusable_address", "send_in_doubt"])
def test_other_refusals_stay_dead_letters(relay: Relay, reason: str) -> None:
    a_mask(an_owner())
    relay.mailer.fails = [Refused(reason)]

    with pytest.raises(Refused):
        relay.arrive(MASK)

    assert held.find_held() == ()


def test_released_it_is_sent_once_ses_takes_it_and_held_again_otherwise(relay: Relay) -> None:
    a_mask(an_owner())
    relay.mailer.fails = [REJECTED]
    relay.arrive(MASK)
    (mail,) = held.find_held()

    held.release([mail.id])
    relay.mailer.fails = [REJECTED]
    relay.release_held()

    assert [one.reason for one in held.find_held()] == [HeldReason.CANNOT_BE_SENT]
    assert relay.mail_store.mails == {mail.mail: RAW}
    held.release([mail.id])
    relay.release_held()
    assert [one.recipient for one in relay.forwarded()] == ["ann@owner.example"]
    assert relay.notices() == ["mail_unsendable"]


def test_a_suspected_loop_is_sent_when_somebody_releases_it(relay: Relay) -> None:
    a_mask(an_owner())
    headers = {"From": "Ann <ann@owner.example>"}
    raw = b"From: Ann <ann@owner.example>\r\n\r\nA try.\r\n"
    for _ in range(11):
        relay.arrive(MASK, raw=raw, headers=headers, source="ann@owner.example")
    (mail,) = held.find_held()
    assert mail.reason is HeldReason.SUSPECTED_LOOP

    held.release([mail.id])
    relay.release_held()

    assert len(relay.mailer.sent) == 11
    assert held.find_held() == ()
