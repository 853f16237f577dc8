"""A mail whose notification says little is read from the mail itself."""

import pytest

from emails.flow.inbound import Inbound
from emails.values.facts import MailFacts
from emails.values.notifications import InlineMail, Received
from tests.fakes import ANY_ROOM, FakeMailStore
from tests.unit.emails.builders import PASSED


@pytest.mark.parametrize(
    ("notified", "head", "expected"),
    [
        ("", b"Return-Path: <bob@sender.example>\r\nReturn-Path: <x@y.example>\r\n", "<bob@s"),
        ("", b"Return-Path: <>\r\n", "<>"),
        ("", b"", "unknown"),
        ("eve@sender.example", b"Return-Path: <bob@sender.example>\r\n", "eve@s"),
    ],
)
def test_the_envelopes_sender_of_a_held_mail_is_the_topmost_return_path(
    notified: str, head: bytes, expected: str
) -> None:
    facts = MailFacts(source=notified, verdicts=PASSED, headers=())
    raw = head + b"From: bob@sender.example\r\n\r\nHello\r\n"
    received = Received((), facts, headers_truncated=True, content=InlineMail(raw))

    read = Inbound(received, FakeMailStore(), ANY_ROOM).facts()

    assert read.source.startswith(expected)
    assert read.values("from") == ("bob@sender.example",)
