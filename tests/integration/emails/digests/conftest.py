"""An owner who blocks spam, mail that is held for them, and the digests that they get."""

from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from emails.flow.digests import send_digests
from emails.models import Profile
from tests.integration.emails.conftest import Relay, a_mask, an_owner

MASK = "x7k2@masks.example"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def hold(relay: Relay, subject: str = "Cheap pills", to: str = MASK, **headers: str) -> None:
    fields = {"From": "Bob <bob@sender.example>", "Subject": subject} | headers
    raw = "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\nhello\r\n"
    relay.arrive(to, raw=raw.encode(), headers=fields, spam="FAIL")


def send_due(relay: Relay) -> None:
    send_digests(relay.ports(), lambda: relay.now, lambda: False)


def sent(relay: Relay) -> list[EmailMessage]:
    found = [message_from_bytes(mail.raw, policy=policy.default) for mail in relay.mailer.sent]
    return [mail for mail in found if isinstance(mail, EmailMessage)]


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\u200b", "")


@pytest.fixture
def owner(relay: Relay) -> Profile:
    owner = an_owner(blocks_spam=True)
    a_mask(owner)
    return owner
