"""P10: owners are told of replies that were not sent, and of those that may be theirs."""

from datetime import timedelta
from typing import Any

import pytest

from emails.models import AbuseCounter
from emails.values.deliveries import SendInDoubt
from emails.values.errors import Refused
from emails.values.outcomes import (
    Recorded,
    RecordReason,
)
from tests.integration.emails.conftest import Relay, a_mask, an_owner
from tests.integration.emails.notices import (
    ANN,
    BOB,
    MASK,
    REJECTED,
    SEALED,
    UNPROVEN,
    bounce_of,
    last_notice,
    text_of,
)
from tests.integration.emails.replies.conftest import REPLY, a_forwarded_mail, answer


@pytest.fixture
def quoted(relay: Relay) -> str:
    """The id that Ann quotes when she replies to Bob's mail. She has premium."""
    a_mask(an_owner(is_premium=True))
    return a_forwarded_mail(relay)


def test_an_owner_is_told_of_an_encrypted_reply_in_its_thread(relay: Relay, quoted: str) -> None:
    headers = {"In-Reply-To": quoted, "References": quoted, "Message-ID": "<r1@owner.example>"}

    with pytest.raises(Refused, match="sealed_reply"):
        answer(relay, headers, raw=SEALED)

    assert relay.notices() == ["reply_sealed"]
    notice = last_notice(relay)
    assert notice["In-Reply-To"] == "<r1@owner.example>"
    assert notice["References"].split() == [quoted, "<r1@owner.example>"]
    assert "Turn off encryption" in text_of(notice)


def test_a_requeued_dead_letter_tells_nobody_again(relay: Relay, quoted: str) -> None:
    for _ in range(3):
        with pytest.raises(Refused):
            answer(relay, {"In-Reply-To": quoted}, "reply-1", raw=SEALED, key="r")

    assert relay.notices() == ["reply_sealed"]


def test_an_owner_is_told_that_ses_refused_a_reply(relay: Relay, quoted: str) -> None:
    relay.mailer.fails = [REJECTED]

    with pytest.raises(Refused, match="send_rejected"):
        answer(relay, {"In-Reply-To": quoted})

    assert relay.notices() == ["reply_refused"]
    assert last_notice(relay)["Subject"] == "Your reply was not sent"


def test_a_reply_that_becomes_too_large_is_not_sent_and_its_owner_told(
    relay: Relay, quoted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its eight-bit text becomes a third larger."""
    raw = REPLY + "ü".encode() * 5_000
    monkeypatch.setattr("emails.flow.replies.MAX_MAIL_BYTES", len(raw))

    with pytest.raises(Refused, match="reply_too_large"):
        answer(relay, {"In-Reply-To": quoted}, raw=raw)

    assert relay.notices() == ["reply_too_large"]
    assert AbuseCounter.objects.get().replies == 0


def test_an_owner_is_told_that_an_attachment_of_a_reply_was_renamed(
    relay: Relay, quoted: str
) -> None:
    file = b'Content-Type: application/octet-stream; name="server.crt"\r\n\r\nPDF\r\n'
    parts = b"--b\r\n\r\nIt is attached.\r\n--b\r\n" + file + b"--b--\r\n"
    raw = b"From: Ann <ann@owner.example>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"

    answer(relay, {"In-Reply-To": quoted}, raw=raw + parts)
    answer(relay, {"In-Reply-To": quoted}, raw=raw + parts.replace(b".crt", b".pdf"))

    replies = [mail.raw for mail in relay.mailer.sent if mail.recipient == BOB]
    assert [b"server.crt.renamed" in one for one in replies] == [True, False]
    assert relay.notices() == ["reply_renamed"]


def test_a_reply_in_doubt_is_not_called_lost(relay: Relay, quoted: str) -> None:
    relay.mailer.fails = [SendInDoubt()]

    with pytest.raises(Refused, match="send_in_doubt"):
        answer(relay, {"In-Reply-To": quoted})

    assert relay.notices() == []


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        ({}, "does not exist or no longer takes mail"),
        ({"status": "4.2.2", "kind": "Transient"}, "the mailbox may be full"),
        ({"status": "5.7.1"}, "perhaps for its content"),
        (
            {"status": "5.7.1", "diagnostic": "smtp; 554 looks like spam"},
            "took your reply for spam",
        ),
    ],
)
def test_an_owner_is_told_that_a_reply_bounced_and_why_under_the_reply(
    relay: Relay, quoted: str, evidence: dict[str, Any], said: str
) -> None:
    answer(relay, {"In-Reply-To": quoted, "Message-ID": "<r1@owner.example>"})

    outcomes = relay.notify(bounce_of(relay, **evidence))

    assert outcomes == (Recorded(RecordReason.REPLY_BOUNCED),)
    notice = last_notice(relay)
    assert said in text_of(notice)
    assert f"Mask: {MASK} To: {BOB}" in text_of(notice)
    assert notice["In-Reply-To"] == notice["References"] == "<r1@owner.example>"


def test_the_tag_of_a_reply_does_not_show_the_owner(relay: Relay, quoted: str) -> None:
    answer(relay, {"In-Reply-To": quoted, "Message-ID": "<r1@owner.example>"})

    assert "owner" not in str(relay.mailer.sent[-1].tags)


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        ({"status": "4.4.1", "action": "delayed"}, RecordReason.BOUNCE_NOT_FINAL),
        ({"kind": "Transient", "status": "", "action": ""}, RecordReason.AUTOMATIC_ANSWER),
    ],
)
def test_a_reply_that_is_late_or_was_answered_by_a_machine_is_not_called_lost(
    relay: Relay, quoted: str, evidence: dict[str, Any], reason: RecordReason
) -> None:
    answer(relay, {"In-Reply-To": quoted})

    assert relay.notify(bounce_of(relay, **evidence)) == (Recorded(reason),)

    assert relay.notices() == []


def test_whoever_forges_replies_causes_one_notice_a_day_for_all_masks(relay: Relay) -> None:
    """One who knows even the ids of mails that we forwarded."""
    owner = an_owner(is_premium=True)
    for local in ("x7k2", "y8m3"):
        a_mask(owner, local)
    threads = [a_forwarded_mail(relay, local) for local in ("x7k2", "y8m3")]
    forged = [
        {"In-Reply-To": thread, "From": author}
        for thread in (*threads, "<unknown@x>")
        for author in (ANN, "eve@evil.example", f"{ANN}, eve@evil.example", "Ann+x@owner.example")
    ]

    for _ in range(2):
        for headers in forged:
            answer(relay, headers, **UNPROVEN)
            answer(relay, headers, virus="FAIL", **UNPROVEN)
        relay.pass_time(timedelta(days=1))

    assert len(relay.notices()) == 2
    assert {mail.recipient for mail in relay.mailer.sent} == {ANN}


def test_a_forger_takes_no_notice_of_the_owners_own_replies_away(relay: Relay, quoted: str) -> None:
    answer(relay, {"In-Reply-To": "<unknown@x>"}, **UNPROVEN)

    answer(relay, {"In-Reply-To": "<unknown@x>"})

    assert relay.notices() == ["reply_unproven", "reply_unknown_thread"]


def test_only_the_address_on_file_gets_a_notice(relay: Relay, quoted: str) -> None:
    answer(
        relay,
        {
            "In-Reply-To": quoted,
            "From": "eve@evil.example",
            "Reply-To": "eve@evil.example",
            "Return-Path": "<eve@evil.example>",
        },
        source="eve@evil.example",
    )

    assert relay.notices() == ["reply_not_the_owner"]
    assert {mail.recipient for mail in relay.mailer.sent} == {ANN}
