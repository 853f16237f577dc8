"""An owner replies to a forwarded mail: the reply is sent from the mask, and only for the owner."""

from datetime import timedelta
from email.message import Message
from typing import Any

import pytest

from emails.models import Delivery, Profile, RandomMask, Reply
from emails.values.deliveries import SendInDoubt
from emails.values.errors import NotFinished
from emails.values.outcomes import Dropped, DropReason, Outcome, Replied, ReplyReason, RetryReason
from tests.integration.emails.conftest import Relay, a_mask, an_owner

REPLY = (
    b"From: Ann <ann@owner.example>\r\nTo: replies@masks.example\r\nSubject: Re: Hello\r\n"
    b"\r\nThanks! ann@owner.example\r\n"
)
THROTTLED = NotFinished(RetryReason.SENDER_THROTTLED)


def a_forwarded_mail(relay: Relay, local: str = "x7k2") -> str:
    """Forward a mail from Bob; return the id that the owner's mail program quotes."""
    headers = {
        "From": "Bob <bob@sender.example>",
        "Message-ID": "<m1@sender.example>",
        "References": "<m0@sender.example>",
    }
    relay.arrive(f"{local}@masks.example", headers=headers)
    return f"<0100-{len(relay.mailer.sent):04}@email.amazonses.com>"


def answer(
    relay: Relay, headers: dict[str, str], sns_message_id: str | None = None, **details: Any
) -> Outcome:
    fields = {"From": "Ann <ann@owner.example>"} | headers
    source = details.pop("source", "ann@owner.example")
    (outcome,) = relay.arrive(
        "replies@masks.example",
        raw=details.pop("raw", REPLY),
        headers=fields,
        source=source,
        sns_message_id=sns_message_id,
        **details,
    )
    return outcome


def shown(mail: Message) -> str:
    return bytes(mail.get_payload(decode=True) or b"").decode()


def test_a_premium_owners_reply_goes_to_the_correspondent_from_the_mask(relay: Relay) -> None:
    a_mask(an_owner(is_premium=True))
    quoted = a_forwarded_mail(relay)

    assert answer(relay, {"In-Reply-To": quoted}) == Replied(ReplyReason.PREMIUM)

    mail = relay.mailer.mail_to("bob@sender.example")
    assert relay.mailer.sent[-1].sender == mail["From"] == "x7k2@masks.example"
    assert mail["In-Reply-To"] == "<m1@sender.example>"
    assert mail["References"].split() == ["<m0@sender.example>", "<m1@sender.example>"]
    assert b"owner.example" not in relay.mailer.sent[-1].raw
    assert dict(relay.mailer.sent[-1].tags)["kind"] == "reply"
    assert RandomMask.objects.get().replied == 1
    assert relay.mail_store.mails == {}


def test_a_quoted_note_does_not_go_out_even_if_the_owner_has_changed_the_language(
    relay: Relay,
) -> None:
    owner = an_owner(is_premium=True, language="fr")
    a_mask(owner)
    quoted = a_forwarded_mail(relay)
    Profile.objects.filter(pk=owner.pk).update(language="de")
    text = shown(relay.mailer.mail_to("ann@owner.example"))
    assert "Envoyé à votre masque" in text
    reply = REPLY + "".join(f"> {line}\r\n" for line in text.splitlines()).encode()

    answer(relay, {"In-Reply-To": quoted}, raw=reply)

    sent = shown(relay.mailer.mail_to("bob@sender.example"))
    assert sent.splitlines() == ["Thanks! x7k2@masks.example", "> Good morning."]


@pytest.mark.parametrize(
    "headers",
    [
        {"In-Reply-To": "<unknown@x>", "References": "<older@x> {}"},
        {"References": "{}\r\n <unknown@x>"},
        {"In-Reply-To": "", "References": "{}"},
        {"References": " ".join(f"<{number}@x>" for number in range(199)) + " {}"},
        {"References": "{} " + " ".join(f"<{number}@x>" for number in range(199))},
        {"In-Reply-To": "{}", "X-Large": "x" * 1_000_000},
    ],
)
def test_the_thread_is_found_by_in_reply_to_or_else_by_references(
    relay: Relay, headers: dict[str, str]
) -> None:
    """Lesson 5; 200 references, and a megabyte of headers."""
    a_mask(an_owner(is_premium=True))
    quoted = a_forwarded_mail(relay)

    given = {name: value.format(quoted) for name, value in headers.items()}

    assert answer(relay, given) == Replied(ReplyReason.PREMIUM)


def test_a_record_that_can_not_be_read_does_not_hide_an_older_one(relay: Relay) -> None:
    """Damaged, or written with a secret that has been changed since."""
    a_mask(an_owner(is_premium=True))
    older = a_forwarded_mail(relay)
    readable = set(Reply.objects.values_list("pk", flat=True))
    newer = a_forwarded_mail(relay)
    Reply.objects.exclude(pk__in=readable).update(metadata=b"damaged")

    assert answer(relay, {"References": f"{older} {newer}"}) == Replied(ReplyReason.PREMIUM)


def test_a_reply_whose_dmarc_ses_could_not_check_is_sent_if_it_is_aligned(relay: Relay) -> None:
    a_mask(an_owner(is_premium=True))
    quoted = a_forwarded_mail(relay)

    answered = answer(relay, {"In-Reply-To": quoted}, dmarc="PROCESSING_FAILED", dkim="FAIL")

    assert answered == Replied(ReplyReason.PREMIUM)


def test_the_newest_reference_wins(relay: Relay) -> None:
    owner = an_owner(is_premium=True)
    a_mask(owner)
    a_mask(owner, "y8m3")
    older, newer = a_forwarded_mail(relay), a_forwarded_mail(relay, "y8m3")

    answer(relay, {"References": f"{older} {newer}"})

    assert relay.mailer.sent[-1].sender == "y8m3@masks.example"


@pytest.mark.parametrize(
    ("changes", "details", "reason", "told"),
    [
        (
            {"From": "eve@evil.example"},
            {},
            DropReason.NOT_THE_OWNER,
            ["reply_not_the_owner"],
        ),
        (
            {"From": "ann@owner.example, eve@evil.example"},
            {},
            DropReason.AMBIGUOUS_SENDER,
            ["reply_ambiguous_sender"],
        ),
        ({}, {"dmarc": "FAIL"}, DropReason.UNAUTHENTICATED, ["reply_unproven"]),
        (
            {},
            {"dmarc": "GRAY", "source": "x@evil.example", "dkim": "FAIL"},
            DropReason.UNAUTHENTICATED,
            ["reply_unproven"],
        ),
        ({"X-Mail-Relay-Loop": "1"}, {}, DropReason.LOOP, []),
        ({"Auto-Submitted": "auto-replied"}, {}, DropReason.AUTOMATIC_REPLY, []),
        ({}, {"virus": "FAIL"}, DropReason.VIRUS, ["reply_virus"]),
        ({}, {"virus": "FAIL", "dmarc": "FAIL"}, DropReason.VIRUS, ["reply_unproven"]),
        (
            {"Auto-Submitted": "auto-replied"},
            {"virus": "FAIL"},
            DropReason.VIRUS,
            [],
        ),
        (
            {"In-Reply-To": "<unknown@x>"},
            {},
            DropReason.UNKNOWN_THREAD,
            ["reply_unknown_thread"],
        ),
        (
            {"In-Reply-To": "<unknown@x>", "From": "Ann <Ann+work@owner.example>"},
            {},
            DropReason.UNKNOWN_THREAD,
            ["reply_unknown_thread"],
        ),
        (
            {"In-Reply-To": "<unknown@x>"},
            {"dmarc": "FAIL"},
            DropReason.UNKNOWN_THREAD,
            ["reply_unproven"],
        ),
        (
            {"In-Reply-To": "<unknown@x>", "From": "eve@evil.example"},
            {},
            DropReason.UNKNOWN_THREAD,
            [],
        ),
    ],
)
def test_a_reply_that_must_not_be_sent_is_dropped_and_its_owner_told(
    relay: Relay,
    changes: dict[str, str],
    details: dict[str, Any],
    reason: DropReason,
    told: list[str],
) -> None:
    """Lesson 18: among them the forged `From`."""
    a_mask(an_owner(is_premium=True))
    quoted = a_forwarded_mail(relay)

    outcome = answer(relay, {"In-Reply-To": quoted} | changes, **details)

    assert outcome == Dropped(reason)
    assert relay.notices() == told
    assert [mail.recipient for mail in relay.mailer.sent[1:]] == ["ann@owner.example"] * len(told)
    assert relay.mail_store.mails == {}


def test_another_owner_cannot_use_a_thread_that_is_not_theirs(relay: Relay) -> None:
    a_mask(an_owner(is_premium=True))
    an_owner("eve@owner.example", is_premium=True)
    quoted = a_forwarded_mail(relay)

    outcome = answer(
        relay,
        {"In-Reply-To": quoted, "From": "eve@owner.example"},
        source="eve@owner.example",
    )

    assert outcome == Dropped(DropReason.NOT_THE_OWNER)
    assert [mail.recipient for mail in relay.mailer.sent[1:]] == ["ann@owner.example"]
    assert relay.notices() == ["reply_not_the_owner"]


def test_a_reply_to_a_deleted_mask_has_no_thread(relay: Relay) -> None:
    mask = a_mask(an_owner(is_premium=True))
    quoted = a_forwarded_mail(relay)
    mask.delete()

    assert answer(relay, {"In-Reply-To": quoted}) == Dropped(DropReason.UNKNOWN_THREAD)


def test_a_free_owners_first_reply_is_sent_with_a_notice_and_later_ones_get_the_notice_only(
    relay: Relay,
) -> None:
    a_mask(an_owner())
    quoted = a_forwarded_mail(relay)

    assert answer(relay, {"In-Reply-To": quoted}) == Replied(ReplyReason.FIRST_REPLY)
    assert [mail.recipient for mail in relay.mailer.sent[1:]] == [
        "bob@sender.example",
        "ann@owner.example",
    ]
    assert b"first reply" in relay.mailer.sent[-1].raw
    assert relay.mailer.sent[-1].sender == "relay@masks.example"

    outcome = answer(relay, {"In-Reply-To": quoted})
    assert outcome == Dropped(DropReason.REPLIES_NEED_PREMIUM)
    assert [mail.recipient for mail in relay.mailer.sent[3:]] == ["ann@owner.example"]
    assert b"was not sent" in relay.mailer.sent[-1].raw


def test_a_reply_that_two_workers_sent_is_counted_once(transactional_db: None) -> None:
    """A claim that ran out was taken over while the first worker was sending."""
    relay = Relay()
    a_mask(an_owner(is_premium=True))
    headers = {"In-Reply-To": a_forwarded_mail(relay)}

    def take_over() -> None:
        relay.mailer.meanwhile = lambda: None
        relay.pass_time(timedelta(days=1))
        answer(relay, headers, "reply-1", key="r")

    relay.mailer.meanwhile = take_over

    assert answer(relay, headers, "reply-1", key="r") == Replied(ReplyReason.PREMIUM)

    assert len(relay.mailer.sent) == 3
    assert RandomMask.objects.get().replied == 1


def test_the_time_of_the_first_reply_stays(relay: Relay) -> None:
    a_mask(an_owner(is_premium=True))
    headers = {"In-Reply-To": a_forwarded_mail(relay)}
    first = relay.now
    answer(relay, headers)
    relay.now += timedelta(days=1)

    answer(relay, headers)

    assert Profile.objects.get().first_replied_at == first


def test_the_free_reply_is_not_used_up_by_an_attempt_that_failed(relay: Relay) -> None:
    """Lesson 8."""
    a_mask(an_owner())
    quoted = a_forwarded_mail(relay)
    relay.mailer.fails = [THROTTLED]

    with pytest.raises(NotFinished):
        answer(relay, {"In-Reply-To": quoted}, "reply-1", key="r")

    assert answer(relay, {"In-Reply-To": quoted}, "reply-1", key="r") == Replied(
        ReplyReason.FIRST_REPLY
    )


def test_a_failed_notice_is_sent_later_and_the_reply_is_not_sent_again(relay: Relay) -> None:
    a_mask(an_owner())
    quoted = a_forwarded_mail(relay)
    relay.mailer.fails = [None, THROTTLED]

    with pytest.raises(NotFinished):
        answer(relay, {"In-Reply-To": quoted}, "reply-1", key="r")
    assert [mail.recipient for mail in relay.mailer.sent[1:]] == ["bob@sender.example"]

    for _ in range(2):
        answer(relay, {"In-Reply-To": quoted}, "reply-1", key="r")
    assert [mail.recipient for mail in relay.mailer.sent[2:]] == ["ann@owner.example"]
    assert b"first reply" in relay.mailer.sent[-1].raw


def test_a_failed_reply_keeps_its_mail(relay: Relay) -> None:
    """Lesson 2."""
    a_mask(an_owner(is_premium=True))
    quoted = a_forwarded_mail(relay)
    relay.mailer.fails = [THROTTLED]

    with pytest.raises(NotFinished):
        answer(relay, {"In-Reply-To": quoted})

    assert len(relay.mail_store.mails) == 1


def test_a_reply_whose_headers_ses_cut_off_is_found_again_after_it_was_settled(
    relay: Relay,
) -> None:
    """The second time the mail is gone from the store, and is not fetched."""
    from tests.unit.emails.builders import received

    a_mask(an_owner())
    quoted = a_forwarded_mail(relay)
    notification = received(
        "replies@masks.example", headers={}, source="ann@owner.example", key="r"
    )
    notification["mail"]["headersTruncated"] = True
    raw = b"In-Reply-To: " + quoted.encode() + b"\r\n" + REPLY
    relay.mail_store.mails[stored("r")] = raw

    first = relay.notify(notification, "reply-1")
    again = relay.notify(notification, "reply-1")

    assert first == again == (Replied(ReplyReason.FIRST_REPLY),)
    assert len(relay.mailer.sent) == 3


def stored(key: str) -> Any:
    from emails.values.notifications import StoredMail

    return StoredMail("mails", key)


def test_a_reply_in_doubt_is_not_sent_again(relay: Relay) -> None:
    a_mask(an_owner(is_premium=True))
    quoted = a_forwarded_mail(relay)
    relay.mailer.fails = [SendInDoubt()]

    for _ in range(2):
        with pytest.raises(Exception, match="send_in_doubt"):
            answer(relay, {"In-Reply-To": quoted}, "reply-1", key="r")

    assert len(relay.mailer.sent) == 1
    assert Delivery.objects.filter(state="in_doubt").count() == 1
