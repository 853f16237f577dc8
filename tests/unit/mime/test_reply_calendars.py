"""What a calendar entry in a reply says of its owner: neither name nor domain."""

import pytest

from tests.unit.mime.builders import MASK, OWNER, read
from tests.unit.mime.replies import DOMAIN, reply

ENTRY = f"""BEGIN:VCALENDAR
METHOD:REQUEST
BEGIN:VEVENT
UID:1234@{DOMAIN}
RELATED-TO;RELTYPE=PARENT:5678@calendar.{DOMAIN}
ORGANIZER;CN="Smith; Ann":mailto:{OWNER}
ATTENDEE;PARTSTAT=ACCEPTED;CN=Ann Smith:mailto:{OWNER}
ATTENDEE;CN=Bob:mailto:bob@sender.example
SUMMARY:Lunch
END:VEVENT
END:VCALENDAR"""


def entry_of(content_type: str, text: str = ENTRY) -> str:
    """Return the calendar as the correspondent's program reads it."""
    mail = read(reply(f"Content-Type: {content_type}\n\n{text}"))
    kinds = ("text/calendar", "application/ics")
    (part,) = [one for one in mail.walk() if one.get_content_type() in kinds]
    payload = bytes(part.get_payload(decode=True) or b"").decode()
    return payload.replace("\r\n", "\n").replace("\n ", "")


@pytest.mark.parametrize(
    "content_type",
    [
        "text/calendar; method=REQUEST",
        "application/ics; name=invite.ics",
        "text/calendar; name=lunch.ics\nContent-Disposition: attachment; filename=lunch.ics",
    ],
)
def test_an_entry_names_neither_the_owner_nor_their_domain(content_type: str) -> None:
    entry = entry_of(content_type)

    assert "Ann" not in entry
    assert "Smith" not in entry
    assert DOMAIN not in entry
    assert f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:{MASK}" in entry
    assert f"ORGANIZER:mailto:{MASK}" in entry


def test_what_others_are_called_and_their_ids_stay() -> None:
    entry = entry_of("text/calendar", ENTRY.replace(f"1234@{DOMAIN}", "1234@sender.example"))

    assert "ATTENDEE;CN=Bob:mailto:bob@sender.example" in entry
    assert "UID:1234@sender.example" in entry
    assert "SUMMARY:Lunch" in entry


def test_the_same_id_is_always_replaced_by_the_same() -> None:
    first, second = (entry_of("text/calendar").splitlines() for _ in range(2))

    ids = [line for line in first if line.startswith(("UID", "RELATED"))]
    assert ids == [line for line in second if line.startswith(("UID", "RELATED"))]
    assert len(set(ids)) == 2


@pytest.mark.parametrize("odd", ["\u2028", "\u0085", "\x0b", "\x0c", "\x1e"])
def test_only_line_ends_end_a_line(odd: str) -> None:
    entry = entry_of("text/calendar", ENTRY.replace("Lunch", f"Lunch{odd}with Bob"))

    assert f"SUMMARY:Lunch{odd}with Bob\n" in entry
