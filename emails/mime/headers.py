"""The top header of what we send: built anew, each header once, nothing carried over unseen.

What could identify the owner, or lead the mail astray, is left out by not being listed here.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.header import Header, decode_header
from email.message import Message
from email.utils import format_datetime, getaddresses, parsedate_to_datetime

from emails.mime.plans import ForwardPlan

LOOP_HEADER = "X-Mail-Relay-Loop"
"""In all that we send. A mail that comes in with it was sent by us before."""

MASK_HEADER = "X-Mail-Relay-Mask"
"""In what we forward: the mask that the mail came to, for the owner's filters."""

_MAX_NAME = 150
_MAX_SUBJECT = 900
_MAX_REFERENCES = 30
_PLAIN_ASCII = re.compile(r"[ -~]{0,60}")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")
_NOT_PRINTED = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")


def forward_headers(original: Message, plan: ForwardPlan) -> Iterator[tuple[str, str]]:
    """Give the top header of a forwarded mail, in its order, ready to be written."""
    yield "From", address(f"{_sender(original)} [via Relay]", plan.mask)
    yield "To", plan.recipient
    yield "Reply-To", plan.reply_to
    yield "Subject", unstructured(shown(original, "Subject")[:_MAX_SUBJECT])
    yield "Date", _date(original, plan.now)
    for name in ("In-Reply-To", "References"):
        if ids := message_ids(original, name):
            yield name, "\r\n ".join(ids)
    automatic = shown(original, "Auto-Submitted")
    if automatic and _PLAIN_ASCII.fullmatch(automatic):
        yield "Auto-Submitted", automatic
    yield LOOP_HEADER, "1"
    yield MASK_HEADER, plan.mask
    yield "MIME-Version", "1.0"


def shown(mail: Message, name: str) -> str:
    """Read a header as a person would see it: decoded, in one line, without control characters."""
    value = mail.get(name)
    if value is None:
        return ""
    return _NOT_PRINTED.sub(" ", _decoded(str(value))).strip()


def address(name: str, addr: str) -> str:
    """Write an address with a display name, quoted or encoded as it needs to be."""
    if _PLAIN_ASCII.fullmatch(name):
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}"\r\n <{addr}>'
    return f"{_encoded(name)}\r\n <{addr}>"


def unstructured(value: str) -> str:
    """Write text as a header's value, encoded (RFC 2047) and folded if it must be."""
    return value if _PLAIN_ASCII.fullmatch(value) else _encoded(value)


def message_ids(mail: Message, name: str) -> list[str]:
    """Read the message ids in a header, the last ones if there are very many."""
    return _MESSAGE_ID.findall(" ".join(map(str, mail.get_all(name, []))))[-_MAX_REFERENCES:]


def _sender(original: Message) -> str:
    """Give the sender as `Name <address>`, or what there is of that."""
    addresses = getaddresses([shown(original, "From")])
    name, addr = addresses[0] if addresses else ("", "")
    if not name or name == addr:
        return (addr or "unknown sender")[:_MAX_NAME]
    return f"{name[:_MAX_NAME]} <{addr[:_MAX_NAME]}>" if addr else name[:_MAX_NAME]


def _date(original: Message, now: datetime) -> str:
    try:
        written = parsedate_to_datetime(shown(original, "Date"))
        return format_datetime(written if written.tzinfo else written.replace(tzinfo=UTC))
    except (ValueError, TypeError, IndexError, OverflowError):
        return format_datetime(now)


def _decoded(value: str) -> str:
    try:
        parts = decode_header(value)
    except (ValueError, LookupError):
        parts = [(value, None)]
    return "".join(_decoded_part(part, charset) for part, charset in parts)


def _decoded_part(part: bytes | str, charset: str | None) -> str:
    if isinstance(part, str):
        part = part.encode("utf-8", "surrogateescape")
        charset = None
    for candidate in (charset or "utf-8", "utf-8", "latin-1"):
        try:
            return part.decode(candidate)
        except (ValueError, LookupError):
            continue
    return ""


def _encoded(value: str) -> str:
    folded = Header(value.encode("utf-8", "replace").decode(), "utf-8", maxlinelen=74).encode()
    return folded.replace("\n", "\r\n")
