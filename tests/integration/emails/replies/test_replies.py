"""An owner replies to a forwarded mail: the reply is sent from the mask, and only for the owner."""

from typing import Any

import pytest

from emails.models import Profile, RandomMask, Reply
from emails.values.outcomes import Dropped, DropReason, Replied, ReplyReason
from tests.integration.emails.conftest import Relay, a_mask, an_owner
from tests.integration.emails.replies.conftest import REPLY, a_forwarded_mail, answer, shown


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
    assert "Transféré depuis votre masque" in text
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
