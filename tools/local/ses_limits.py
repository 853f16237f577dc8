"""What SES refuses to send, as the stand-ins for SES judge it: by Python's own mail parser.

https://docs.aws.amazon.com/ses/latest/dg/quotas.html and
https://docs.aws.amazon.com/ses/latest/dg/mime-types.html
"""

import re
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from pathlib import PurePath

from emails.values.ses_limits import BLOCKED_EXTENSIONS, MAX_MAIL_BYTES, MAX_MAILBOX_OCTETS

CODE = "BadRequestException"
"""The error's code in version 2 of SES's API."""

_FROM = re.compile(rb"^From:[ \t]*([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)", re.IGNORECASE | re.MULTILINE)
_FIELD = re.compile(rb"(?:type|disposition):[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*")


def refusal_of(raw: bytes) -> str | None:
    """Return SES's message about a mail that it refuses; None: it sends it."""
    if len(raw) > MAX_MAIL_BYTES:
        return f"Message length is more than {MAX_MAIL_BYTES} bytes long: '{len(raw)}'."
    sender = _FROM.search(raw[: raw.find(b"\r\n\r\n") + 2 or None])
    if sender and len(sender[1].replace(b"\r\n", b"")) > MAX_MAILBOX_OCTETS:
        return f"Address length is more than {MAX_MAILBOX_OCTETS} bytes long."
    # Parsing takes far longer than looking whether any line could be a part's blocked name.
    if _may_be_blocked(raw) and any(map(_has_blocked_name, message_from_bytes(raw).walk())):
        return "Illegal filename."
    return None


def _may_be_blocked(raw: bytes) -> bool:
    lower, start = raw.lower(), b"\ncontent-"
    at = lower.find(start)
    while at >= 0:
        field = _FIELD.match(lower, at + len(start))
        if field and b"name" in field[0]:
            alone = message_from_bytes(raw[at + 1 : field.end()])
            if _has_blocked_name(alone):
                return True
        at = lower.find(start, at + 1)
    return False


def _has_blocked_name(part: Message) -> bool:
    given = [
        part.get_filename(),
        part.get_param("name"),
        part.get_param("name", header="content-disposition"),
    ]
    for one in given:
        if not one:
            continue
        name = one[2] if isinstance(one, tuple) else str(make_header(decode_header(one)))
        if PurePath(name.rstrip(". ")).suffix.lower().removeprefix(".") in BLOCKED_EXTENSIONS:
            return True
    return False
