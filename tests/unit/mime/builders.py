"""Builders of mails and plans, and a strict parser of the result."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from emails.mime.plans import ForwardPlan, Note, ReplyPlan, Rewritten
from emails.mime.rewrite_forward import rewrite_forward
from tools.local.ses_limits import refusal_of

MASK = "x7k2@masks.example"
OWNER = "ann.real+home@owner.example"
REPLIES = "replies@masks.example"
WRITER = "bob@sender.example"
NOW = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)


def note(trackers_removed: Mapping[str, int], renamed: Sequence[str]) -> Note:
    return Note("[NOTE]", "<p>[NOTE]</p>")


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


def attachment(*head: str, body: str = "UERG") -> bytes:
    """Build a mail with a text and a file, whose header has these lines."""
    lines = ["--b", "Content-Type: text/plain", "", "See it.", "--b", *head]
    lines += ["Content-Transfer-Encoding: base64", "", body, "--b--", ""]
    return a_mail("Content-Type: multipart/mixed; boundary=b", body="\n".join(lines))


def forward(mail: bytes, **plan: Any) -> Rewritten:
    """Forward a mail, and let SES judge it."""
    rewritten = rewrite_forward(mail, replace(FORWARD, **plan))
    assert refusal_of(rewritten.raw) is None
    return rewritten
