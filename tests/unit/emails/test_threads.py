"""What is stored about a mail for replies to it."""

import pytest

from emails.rules.threads import thread_of
from emails.values.threads import Thread
from tests.unit.emails.builders import a_mail


@pytest.mark.parametrize(
    ("headers", "source", "expected"),
    [
        ({"From": "Bob <bob@sender.example>"}, "x@y.example", "bob@sender.example"),
        (
            {"From": "bob@sender.example", "Reply-To": '"Desk" <Desk@sender.example>'},
            "x@y.example",
            "Desk@sender.example",
        ),
        # Lesson 7: two addresses in Reply-To, odd local parts.
        ({"Reply-To": "a_1@s.example, b@s.example"}, "x@y.example", "a_1@s.example"),
        # The strict parsers of some Python versions read nothing here.
        ({"Reply-To": "Shop <help@shop.example> (orders)"}, "x@y.example", "help@shop.example"),
        ({"From": "bob@s.example <bob@s.example>"}, "x@y.example", "bob@s.example"),
        ({"From": "Jane @ Example <jane@s.example>"}, "x@y.example", "jane@s.example"),
        (
            {"From": "bob@s.example", "Reply-To": "desk@s.example <desk@s.example>"},
            "x@y.example",
            "desk@s.example",
        ),
        ({"From": "=?utf-8?q?Doe,_Jo?= <jo@s.example>"}, "x@y.example", "jo@s.example"),
        ({"From": "o'neil+x@s.example"}, "x@y.example", "o'neil+x@s.example"),
        ({"From": "undisclosed", "Reply-To": ""}, "x@y.example", "x@y.example"),
        ({"From": "bob@s.example\r\nBcc: eve@evil.example"}, "x@y.example", "bob@s.example"),
        ({"From": "bób@sender.example"}, "x@y.example", "x@y.example"),
        ({}, "x@y.example", "x@y.example"),
        ({"From": "(" * 5_000}, "x@y.example", "x@y.example"),
        (
            {"From": "bob@sender.example", "Reply-To": "a:" * 5_000},
            "x@y.example",
            "bob@sender.example",
        ),
    ],
)
def test_who_a_reply_goes_to(headers: dict[str, str], source: str, expected: str) -> None:
    thread = thread_of(a_mail(headers, source=source))

    assert thread is not None
    assert thread.correspondent == expected


def test_a_mail_without_any_sender_has_no_thread() -> None:
    assert thread_of(a_mail({}, source="<>")) is None


def test_the_ids_of_the_thread_are_kept_and_bounded() -> None:
    references = " ".join(f"<{number}@s.example>" for number in range(200))
    mail = a_mail({"Message-ID": "<me@s.example>", "References": references})

    thread = thread_of(mail)

    assert thread == Thread(
        correspondent="bob@sender.example",
        message_id="me@s.example",
        references=tuple(f"{number}@s.example" for number in range(180, 200)),
    )
