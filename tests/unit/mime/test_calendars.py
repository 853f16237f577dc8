"""Invitations can be answered from the mask, and answers name nobody but it."""

import base64
import re
from dataclasses import replace

import pytest

from emails.mime.calendars import NOBODY, answerable, answered
from emails.mime.invitations import answers_invitation
from emails.mime.rewrite_forward import rewrite_forward
from emails.mime.rewrite_reply import rewrite_reply
from tests.unit.mime.builders import FORWARD, MASK, OWNER, REPLY, WRITER, a_mail, attachment, read

ORGANIZER = "bob@sender.example"
STAND_IN = "replies+abc@masks.example"


def organizers(address: str) -> str:
    return STAND_IN if address == ORGANIZER else ""


def a_calendar(*lines: str, method: str = "REQUEST") -> str:
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", f"METHOD:{method}", "BEGIN:VEVENT", "UID:1@x.example"]
    return "\r\n".join([*head, *lines, "SUMMARY:Tea", "END:VEVENT", "END:VCALENDAR", ""])


def unfolded(calendar: str) -> str:
    return calendar.replace("\r\n ", "")


def line_of(calendar: str, name: str) -> str:
    (line,) = re.findall(rf"^{name}.*?(?=\r\n)", unfolded(calendar), re.MULTILINE)
    assert isinstance(line, str)
    return line


ORGANIZERS = [
    (f"ORGANIZER:mailto:{ORGANIZER}", f'ORGANIZER;CN="{ORGANIZER}":mailto:{STAND_IN}'),
    (
        f"ORGANIZER;CN=Bob:MAILTO:{ORGANIZER}",
        f'ORGANIZER;CN="Bob <{ORGANIZER}>":mailto:{STAND_IN}',
    ),
    (
        f'organizer;CN="Bob, Inc.";SENT-BY="mailto:x@y.example";DIR="ldap://x":mailto:{ORGANIZER}',
        f'ORGANIZER;CN="Bob, Inc. <{ORGANIZER}>":mailto:{STAND_IN}',
    ),
    (
        f"ORGANIZER;CN=Bob;EMAIL=x@y.example;X-A=b:mailto:{ORGANIZER}",
        f'ORGANIZER;CN="Bob <{ORGANIZER}>":mailto:{STAND_IN}',
    ),
    (
        f"ORGAN\r\n IZER;CN=B\r\n\tob:mail\r\n to:{ORGANIZER}",
        f'ORGANIZER;CN="Bob <{ORGANIZER}>":mailto:{STAND_IN}',
    ),
    (
        f"ORGANIZER;CN=ceo@bank.example:mailto:{ORGANIZER}",
        f'ORGANIZER;CN="{ORGANIZER}":mailto:{STAND_IN}',
    ),
    (f"ORGANIZER:mailto:{MASK}", f"ORGANIZER:mailto:{OWNER}"),
]


@pytest.mark.parametrize(("line", "expected"), ORGANIZERS)
def test_an_address_of_ours_stands_for_the_organizer(line: str, expected: str) -> None:
    calendar = answerable(a_calendar(line), organizers, MASK, OWNER)

    assert line_of(calendar, "ORGANIZER") == expected
    assert max(map(len, calendar.split("\r\n"))) <= 75
    assert calendar.startswith("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\n")
    assert calendar.endswith("SUMMARY:Tea\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")


ATTENDEES = [
    (
        f"ATTENDEE;CUTYPE=INDIVIDUAL;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;CN={MASK}:mailto:{MASK}",
        f'ATTENDEE;CUTYPE=INDIVIDUAL;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;CN="{MASK}":mailto:{OWNER}',
    ),
    (f"ATTENDEE:MAILTO:{MASK.upper()}", f"ATTENDEE:mailto:{OWNER}"),
    (f"ATTENDEE:mailto:{MASK.replace('@', '+tag@')}", f"ATTENDEE:mailto:{OWNER}"),
    (
        'ATTENDEE;PARTSTAT=ACCEPTED;CN="Carl";MEMBER="mailto:l@x.example":mailto:carl@other.example',
        f'ATTENDEE;PARTSTAT=ACCEPTED;CN="Carl <carl@other.example>":{NOBODY}',
    ),
    ("ATTENDEE;CN=Room 1:urn:uuid:1", f'ATTENDEE;CN="Room 1":{NOBODY}'),
]


@pytest.mark.parametrize(("line", "expected"), ATTENDEES)
def test_the_owner_is_an_attendee_and_others_cannot_be_written_to(line: str, expected: str) -> None:
    text = a_calendar(f"ORGANIZER:mailto:{ORGANIZER}", line)

    assert line_of(answerable(text, organizers, MASK, OWNER), "ATTENDEE") == expected


def test_where_no_address_can_stand_for_the_organizer_no_answer_is_asked_for() -> None:
    text = a_calendar("ORGANIZER;CN=Eve:mailto:eve@\u00fc.example", f"ATTENDEE:mailto:{MASK}")

    calendar = answerable(text, organizers, MASK, OWNER)

    assert line_of(calendar, "METHOD") == "METHOD:PUBLISH"
    assert line_of(calendar, "ORGANIZER").endswith(f":{NOBODY}")


@pytest.mark.parametrize("method", ["REPLY", "COUNTER", "REFRESH", "reply "])
def test_an_answer_to_the_owner_keeps_who_answers(method: str) -> None:
    attendee = "ATTENDEE;PARTSTAT=ACCEPTED;CN=Carl:mailto:carl@other.example"
    text = a_calendar(f"ORGANIZER:mailto:{MASK}", attendee, method=method)

    calendar = answerable(text, organizers, MASK, OWNER)

    assert line_of(calendar, "ATTENDEE") == attendee
    assert line_of(calendar, "ORGANIZER") == f"ORGANIZER:mailto:{OWNER}"


@pytest.mark.parametrize(
    "text", ["", "x", "BEGIN:VCALENDAR\r\nX:ORGANIZER:mailto:a@b\r\n", "\r\n" * 9]
)
def test_without_people_nothing_changes(text: str) -> None:
    assert answerable(text, organizers, MASK, OWNER) == text
    assert answered(text, WRITER, MASK) == text


REQUEST = a_calendar(f"ORGANIZER;CN=Bob:mailto:{ORGANIZER}", f"ATTENDEE;RSVP=TRUE:mailto:{MASK}")
INVITED = replace(FORWARD, organizers=organizers)


@pytest.mark.parametrize(
    "kind",
    [
        "text/calendar; method=REQUEST; charset=utf-8",
        "application/ics; name=invite.ics",
        "text/calendar; name=invite.ics",
        "application/octet-stream; name=invite.ics",
        "text/plain; name=Invite.ICS; charset=utf-8",
        "text/x-vcalendar",
    ],
)
@pytest.mark.parametrize("encoding", ["7bit", "base64"])
@pytest.mark.parametrize("disposition", ["", "attachment; filename=invite.ics"])
def test_each_calendar_of_a_mail_is_made_answerable(
    kind: str, encoding: str, disposition: str
) -> None:
    body = base64.encodebytes(REQUEST.encode()).decode() if encoding == "base64" else REQUEST
    head = [
        f"Content-Type: {kind}",
        *([f"Content-Disposition: {disposition}"] if disposition else []),
    ]
    raw = attachment(*head, body=body.replace("\r\n", "\n"))
    raw = raw.replace(b"Encoding: base64", f"Encoding: {encoding}".encode())

    mail = read(rewrite_forward(raw, INVITED).raw)

    calendar = list(mail.walk())[2]
    text = bytes(calendar.get_payload(decode=True) or b"").decode()
    assert line_of(text, "ORGANIZER").endswith(f":mailto:{STAND_IN}")
    assert ORGANIZER not in re.sub("CN=.*", "", text)
    name = str(calendar.get_filename()).lower()
    assert name == ("invite.ics" if "ics" in (kind + disposition).lower() else "none")
    assert calendar.get_param("method") == ("REQUEST" if "method" in kind else None)


def test_without_an_address_of_ours_the_type_says_that_it_is_published() -> None:
    raw = attachment("Content-Type: text/calendar; method=REQUEST", body=REQUEST)
    mail = read(rewrite_forward(raw.replace(b"base64", b"7bit"), FORWARD).raw)

    assert list(mail.walk())[2].get_param("method") == "PUBLISH"


def test_so_is_the_last_of_many() -> None:
    part = f"--b\nContent-Type: text/calendar\n\n{REQUEST}\n".replace("\r\n", "\n")
    raw = a_mail("Content-Type: multipart/mixed; boundary=b", body=part * 100 + "--b--\n")

    assert rewrite_forward(raw, INVITED).raw.count(f":mailto:{STAND_IN}".encode()) == 100


@pytest.mark.parametrize(
    ("declared", "name", "expected"),
    [
        ("; charset=us-ascii", b"=?utf-8?q?J=C3=B6rg?=", "utf-8"),
        ("; charset=iso-8859-1", b"J\xf6rg", "iso-8859-1"),
        ("", b"J\xf6rg", None),
    ],
)
def test_a_published_calendar_names_the_charset_that_it_is_written_in(
    declared: str, name: bytes, expected: str | None
) -> None:
    calendar = a_calendar("ORGANIZER;CN=NAME:mailto:x@y.example").replace("\r\n", "\n")
    raw = a_mail(f"Content-Type: text/calendar; method=REQUEST{declared}", body=calendar)
    raw = raw.replace(b"NAME", b'"' + name + b'"')

    (part,) = [
        one
        for one in read(rewrite_forward(raw, FORWARD).raw).walk()
        if one.get_content_type() == "text/calendar"
    ]

    assert part.get_param("method") == "PUBLISH"
    assert part.get_param("charset") == expected
    text = bytes(part.get_payload(decode=True) or b"").decode(expected or "iso-8859-1")
    assert line_of(text, "ORGANIZER") == 'ORGANIZER;CN="J\u00f6rg <x@y.example>":invalid:nomail'


def test_a_signed_invitation_stays_as_it_is() -> None:
    inner = f"Content-Type: text/calendar\n\n{REQUEST}".replace("\r\n", "\n")
    body = f"--b\n{inner}\n--b\nContent-Type: application/pgp-signature\n\nx\n--b--\n"
    raw = a_mail("Content-Type: multipart/signed; boundary=b", body=body)

    assert REQUEST.encode() in rewrite_forward(raw, INVITED).raw


ANSWERS = [
    (
        f"ATTENDEE;CN=Ann Real;PARTSTAT=ACCEPTED;ROLE=REQ-PARTICIPANT:mailto:{OWNER}",
        f'ATTENDEE;PARTSTAT=ACCEPTED;ROLE=REQ-PARTICIPANT;CN="{MASK}":mailto:{MASK}',
    ),
    (
        f'ATTENDEE;PARTSTAT=DECLINED;EMAIL={OWNER};SENT-BY="mailto:s@x.example":mailto:other@x.example',
        f'ATTENDEE;PARTSTAT=DECLINED;CN="{MASK}":mailto:{MASK}',
    ),
    (
        f'ATTENDEE;PARTSTAT=TENTATIVE;X-RESPONSE-COMMENT="A bit late":mailto:{OWNER}',
        f'ATTENDEE;PARTSTAT=TENTATIVE;X-RESPONSE-COMMENT="A bit late";CN="{MASK}":mailto:{MASK}',
    ),
]


@pytest.mark.parametrize(("line", "expected"), ANSWERS)
def test_an_answer_names_the_mask_alone(line: str, expected: str) -> None:
    calendar = a_calendar(f"ORGANIZER;CN=Bob via us:mailto:{STAND_IN}", line, method="REPLY")
    raw = a_mail(
        "Content-Type: text/calendar; method=REPLY", body=calendar.replace("\r\n", "\n"),
        From=f"Ann Real <{OWNER}>", Subject="Accepted: Tea (Ann Real)", To=STAND_IN,
    )  # fmt: skip

    mail = read(rewrite_reply(raw, replace(REPLY, stand_in=STAND_IN)).raw)

    text = bytes(mail.get_payload(decode=True) or b"").decode()
    assert line_of(text, "ATTENDEE") == expected
    assert line_of(text, "ORGANIZER") == f"ORGANIZER:mailto:{WRITER}"
    assert line_of(text, "UID") == "UID:1@x.example"
    assert mail["Subject"] == f"Accepted: Tea ({MASK})"
    assert mail.get_param("method") == "REPLY"
    assert answers_invitation(raw)


def test_a_name_of_one_word_stays_in_an_answer() -> None:
    raw = a_mail(body="Ann comes to Ann's party", From=f"Ann <{OWNER}>", To=STAND_IN)
    mail = rewrite_reply(raw, replace(REPLY, stand_in=STAND_IN)).raw

    assert b"Ann comes to Ann's party" in mail
    assert not answers_invitation(raw)
