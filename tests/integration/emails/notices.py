"""What the tests of notices share."""

from email import message_from_bytes
from typing import Any

from emails.values.errors import NotFinished, Refused
from emails.values.outcomes import RefuseReason, RetryReason
from tests.integration.emails.conftest import Relay
from tests.unit.emails.builders import bounce

ANN, BOB = "ann@owner.example", "bob@sender.example"
MASK = "x7k2@masks.example"
SEALED = (
    b"From: Ann <ann@owner.example>\r\nContent-Type: multipart/encrypted; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n"
    b"--b\r\nContent-Type: application/octet-stream\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n--b--\r\n"
)
UNSENDABLE = (
    b"From: Bob <bob@sender.example>\r\nContent-Type: multipart/signed; boundary=s\r\n\r\n"
    b"--s\r\nContent-Type: a/b; name=server.crt\r\n\r\nPDF\r\n"
    b"--s\r\nContent-Type: application/pgp-signature\r\n\r\nS\r\n--s--\r\n"
)
REJECTED = Refused(RefuseReason.SEND_REJECTED, "MessageRejected")
THROTTLED = NotFinished(RetryReason.SENDER_THROTTLED)
UNPROVEN = {"dmarc": "FAIL", "spf": "FAIL", "dkim": "FAIL"}


def bounce_of(relay: Relay, number: int = -1, **evidence: Any) -> dict[str, Any]:
    """The bounce of the mail that was sent as number so-and-so."""
    sent = relay.mailer.sent[number]
    said = {"status": "5.1.1", "action": "failed", "destination": [sent.recipient]}
    said |= {"messageId": f"0100-{number % len(relay.mailer.sent) + 1:04}"}
    return bounce(sent.recipient, shape="eventType", tags=dict(sent.tags), **said | evidence)


def last_notice(relay: Relay) -> Any:
    mail = next(mail for mail in reversed(relay.mailer.sent) if "notice" in dict(mail.tags))
    assert (mail.recipient, mail.sender) == (ANN, "relay@masks.example")
    return message_from_bytes(mail.raw)


def text_of(notice: Any) -> str:
    return " ".join(notice.get_payload(0).get_payload(decode=True).decode().split())
