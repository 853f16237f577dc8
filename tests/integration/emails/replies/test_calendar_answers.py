"""An invitation is forwarded, the owner's calendar answers, and the organizer gets the answer."""

import re
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import Message
from typing import Any

import pytest

from emails.models import Reply
from emails.store.retention import remove_old_replies
from emails.values.deliveries import Outgoing
from emails.values.outcomes import Dropped, DropReason, Outcome, Replied, ReplyReason
from tests.integration.emails.conftest import Relay, a_mask, an_owner
from tests.integration.emails.replies.conftest import THROTTLED
from tests.unit.emails.builders import NOW

MASK, OWNER = "x7k2@masks.example", "ann@owner.example"
ORGANIZER = "bob@meetings.example"
STAND_IN = re.compile(r"replies\+[a-z2-7]{26}@masks\.example")

INVITATION = """From: Calendar <calendar@service.example>
To: x7k2@masks.example
Subject: Invitation: Tea
Message-ID: <m1@service.example>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/plain

Tea?
--b
Content-Type: text/calendar; method={method}; charset=utf-8

BEGIN:VCALENDAR
VERSION:2.0
METHOD:{method}
BEGIN:VEVENT
UID:42@service.example
SEQUENCE:{sequence}
ORGANIZER;CN=Bob:mailto:{organizer}
ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:x7k2@masks.example
ATTENDEE;PARTSTAT=ACCEPTED;CN=Carl:mailto:carl@other.example
SUMMARY:Tea
END:VEVENT
END:VCALENDAR
--b--
"""

ANSWER = """From: Ann Real <{sender}>
To: {to}
Subject: Accepted: Tea - Ann Real ({sender})
Auto-Submitted: auto-generated
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=c

--c
Content-Type: text/plain

Ann Real has accepted this invitation. {sender}
--c
Content-Type: text/calendar; method=REPLY; charset=utf-8

BEGIN:VCALENDAR
VERSION:2.0
METHOD:REPLY
BEGIN:VEVENT
UID:42@service.example
SEQUENCE:0
ORGANIZER;CN="Bob <bob@meetings.example>":mailto:{to}
ATTENDEE;PARTSTAT=ACCEPTED;CN=Ann Real:mailto:{sender}
SUMMARY:Tea
END:VEVENT
END:VCALENDAR
--c--
"""


def invite(relay: Relay, **details: Any) -> str:
    """Forward an invitation; return the address that its organizer has in it."""
    text = INVITATION.format(
        **{"method": "REQUEST", "sequence": 0, "organizer": ORGANIZER} | details
    )
    headers = {"From": "calendar@service.example", "Message-ID": "<m1@service.example>"}
    relay.arrive(MASK, raw=text.replace("\n", "\r\n").encode(), headers=headers)
    line = re.search(r"^ORGANIZER.*", calendar_in(relay.mailer.sent[-1]), re.MULTILINE)
    assert line is not None
    return line[0].strip().rpartition("mailto:")[2]


def answer(relay: Relay, to: str, sender: str = OWNER, **details: Any) -> Outcome:
    """Let the calendar of `sender` answer."""
    headers = {"From": f"Ann Real <{sender}>", "Auto-Submitted": "auto-generated"}
    raw = details.pop("raw", ANSWER).format(to=to, sender=sender).replace("\n", "\r\n").encode()
    (outcome,) = relay.arrive(to, raw=raw, headers=headers, source=sender, **details)
    return outcome


def calendar_in(mail: Outgoing) -> str:
    found = [one for one in read(mail).walk() if one.get_content_type() == "text/calendar"]
    text = bytes(found[0].get_payload(decode=True) or b"").decode()
    return text.replace("\r\n ", "").replace("\r\n", "\n")


def read(mail: Outgoing) -> Message:
    return message_from_bytes(mail.raw, policy=policy.default)


@pytest.fixture(autouse=True)
def ann(relay: Relay) -> None:
    a_mask(an_owner(OWNER, is_premium=True))


def test_the_owners_calendar_can_accept_an_invitation_from_the_mask(relay: Relay) -> None:
    to = invite(relay)
    assert STAND_IN.fullmatch(to)
    forwarded = calendar_in(relay.mailer.sent[-1])
    assert f":mailto:{OWNER}\n" in forwarded
    assert ":mailto:carl" not in forwarded

    assert answer(relay, to) == Replied(ReplyReason.PREMIUM)

    sent = relay.mailer.sent[-1]
    assert (sent.sender, sent.recipient) == (MASK, ORGANIZER)
    mail = read(sent)
    assert mail["From"] == MASK
    assert mail["To"] == ORGANIZER
    assert mail["In-Reply-To"] == "<m1@service.example>"
    assert mail["Subject"] == f"Accepted: Tea - {MASK} ({MASK})"
    calendar = calendar_in(sent)
    assert "\nMETHOD:REPLY\n" in calendar
    assert "\nUID:42@service.example\n" in calendar
    assert f"\nORGANIZER:mailto:{ORGANIZER}\n" in calendar
    assert f'\nATTENDEE;PARTSTAT=ACCEPTED;CN="{MASK}":mailto:{MASK}\n' in calendar
    for private in (b"Ann", b"owner.example", b"replies+"):
        assert private not in sent.raw


def test_an_update_comes_from_the_same_organizer_and_prolongs_its_record(relay: Relay) -> None:
    to = invite(relay)
    relay.pass_time(timedelta(days=1))

    assert invite(relay, sequence=1) == to
    assert invite(relay, method="CANCEL", sequence=2) == to
    assert Reply.objects.count() == 3 + 1
    remove_old_replies(NOW + timedelta(days=1, hours=1), timedelta(days=1))
    assert answer(relay, to) == Replied(ReplyReason.PREMIUM)


def test_each_organizer_and_each_mask_has_an_address_of_its_own(relay: Relay) -> None:
    first, second = invite(relay), invite(relay, organizer="eve@meetings.example")

    assert first != second
    answer(relay, second)
    assert relay.mailer.sent[-1].recipient == "eve@meetings.example"


@pytest.mark.parametrize(
    ("sender", "details", "reason"),
    [
        ("eve@evil.example", {}, DropReason.NOT_THE_OWNER),
        (OWNER, {"dmarc": "FAIL"}, DropReason.UNAUTHENTICATED),
        (OWNER, {"virus": "FAIL"}, DropReason.VIRUS),
    ],
)
def test_only_the_owner_can_answer(
    relay: Relay, sender: str, details: dict[str, Any], reason: DropReason
) -> None:
    to = invite(relay)

    assert answer(relay, to, sender, **details) == Dropped(reason)
    assert ORGANIZER not in [mail.recipient for mail in relay.mailer.sent]


def test_a_vacation_responder_is_not_taken_for_a_calendar(relay: Relay) -> None:
    raw = "From: {sender}\nTo: {to}\nAuto-Submitted: auto-replied\n\nI am away.\n"

    assert answer(relay, invite(relay), raw=raw) == Dropped(DropReason.AUTOMATIC_REPLY)


def test_a_calendar_that_answers_the_bare_address_is_automatic(relay: Relay) -> None:
    invite(relay)

    assert answer(relay, "replies@masks.example") == Dropped(DropReason.AUTOMATIC_REPLY)


@pytest.mark.parametrize("token", ["a" * 26, "x", "a+b"])
def test_a_token_that_nobody_was_given_leads_nowhere(relay: Relay, token: str) -> None:
    invite(relay)

    assert answer(relay, f"replies+{token}@masks.example") == Dropped(DropReason.UNKNOWN_THREAD)


def test_an_answer_that_cannot_be_sent_now_is_sent_later_once(relay: Relay) -> None:
    to = invite(relay)
    relay.mailer.fails = (THROTTLED,)
    with pytest.raises(type(THROTTLED)):
        answer(relay, to, sns_message_id="sns-1")

    answer(relay, to, sns_message_id="sns-1")
    answer(relay, to, sns_message_id="sns-1")

    assert [mail.recipient for mail in relay.mailer.sent].count(ORGANIZER) == 1


def test_a_free_owner_is_told_that_a_second_answer_was_not_sent(relay: Relay) -> None:
    a_mask(an_owner("free@owner.example"), "free")
    text = INVITATION.format(method="REQUEST", sequence=0, organizer=ORGANIZER)
    relay.arrive("free@masks.example", raw=text.replace("x7k2", "free").encode())
    to = STAND_IN.findall(calendar_in(relay.mailer.sent[-1]))[0]

    first = answer(relay, to, "free@owner.example")
    second = answer(relay, to, "free@owner.example")

    assert first == Replied(ReplyReason.FIRST_REPLY)
    assert second == Dropped(DropReason.REPLIES_NEED_PREMIUM)
    assert relay.notices() == ["first_reply", "replies_need_premium"]
