"""A mail that was forwarded, and its owner's answer."""

from email.message import Message
from typing import Any

from emails.values.errors import NotFinished
from emails.values.outcomes import Outcome, RetryReason
from tests.integration.emails.conftest import Relay

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
