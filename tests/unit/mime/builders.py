"""Builders of mails and plans, and a strict parser of the result."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

from emails.mime.plans import ForwardPlan, Note, ReplyPlan

MASK = "x7k2@masks.example"
OWNER = "ann.real+home@owner.example"
REPLIES = "replies@masks.example"
WRITER = "bob@sender.example"
NOW = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)


def note(trackers_removed: Mapping[str, int]) -> Note:
    return Note("[HEADER]", "[FOOTER]", "<p>[HEADER]</p>", "<p>[FOOTER]</p>")


FORWARD = ForwardPlan(MASK, OWNER, REPLIES, note, NOW)
REPLY = ReplyPlan(MASK, WRITER, (OWNER,), "<1@sender.example>", ("<0@sender.example>",), NOW)


def a_mail(*head: str, body: str = "the body", **headers: str) -> bytes:
    """Build a mail: headers by name (`_` for `-`), further header lines, a body."""
    headers = {"From": f"Bob <{WRITER}>", "To": MASK, "Subject": "hello"} | headers
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, *head, "", body.replace("\n", "\r\n")]).encode(
        "utf-8", "surrogateescape"
    )


def read(raw: bytes) -> EmailMessage:
    """Parse a mail to be sent, and check the requirements of SES and RFC 5322."""
    assert raw.isascii(), "not 7-bit clean"
    assert b"\0" not in raw
    assert not raw.replace(b"\r\n", b"").strip(b"\t").count(b"\n"), "a line end that is not CRLF"
    assert max(map(len, raw.split(b"\r\n"))) <= 998, "a line that is too long"
    mail = message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def texts(mail: EmailMessage) -> list[str]:
    """Return the decoded texts of the mail, one per part."""
    return [
        bytes(part.get_payload(decode=True) or b"").decode(
            part.get_content_charset("utf-8"), "replace"
        )
        for part in mail.walk()
        if part.get_content_maintype() == "text"
    ]
