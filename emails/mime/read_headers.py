"""Reads all headers of a mail, for use when SES truncated those in its notification."""

from emails.mime.header_block import lines_of, read_header, unfolded
from emails.values.facts import Header

MAX_HEADER_BYTES = 2 * 1024 * 1024
"""Headers are read up to this size. Mail servers don't accept as much."""


def read_headers(raw: bytes) -> tuple[Header, ...]:
    """Read all headers of a mail. Values are unfolded, but not decoded."""
    head = raw[:MAX_HEADER_BYTES]
    return tuple(
        Header(
            head[one.start : one.start + len(one.name)].decode("ascii"),
            unfolded(one.value).decode("utf-8", "replace"),
        )
        for one in read_header(head, 0, lines_of(head), lambda line: False).fields
    )
