"""Parts that are lists of header fields: reports about a mail, or the header of one.

Such fields name the owner's computer, program and servers, and the id of the mail that we
forwarded, by which we find a reply's thread. Only those that a reader needs are left.
"""

import re

_REPORTED = frozenset(
    {"action", "diagnostic-code", "disposition", "failure", "error", "warning", "status"}
    | {"final-recipient", "original-recipient", "will-retry-until", "last-attempt-date"}
)
_OF_A_MAIL = frozenset({"cc", "date", "from", "reply-to", "sender", "subject", "to"})

KEPT_FIELDS = {
    "message/delivery-status": _REPORTED,
    "message/global-delivery-status": _REPORTED,
    "message/disposition-notification": _REPORTED,
    "message/global-disposition-notification": _REPORTED,
    "text/rfc822-headers": _OF_A_MAIL,
    "message/global-headers": _OF_A_MAIL,
}
"""By content type."""

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")


def without_private_fields(text: str, content_type: str) -> str:
    """Return the text without the fields that tell of the owner, and with its empty lines."""
    kept, is_kept = [], False
    for line in _LINE.findall(text):
        if not line.strip():
            is_kept = True
        elif line[0] not in " \t":
            is_kept = line.partition(":")[0].strip().lower() in KEPT_FIELDS[content_type]
        if is_kept:
            kept.append(line)
    return "".join(kept)
