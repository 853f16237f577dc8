"""Outlook's `winmail.dat` (TNEF): leaves its attachments, and removes all else.

The rest says who wrote the mail, in many places and partly compressed; the text that it formats is
in the mail itself, too. The format:
https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxtnef/
"""

from collections.abc import Iterator

TYPES = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
NAME = "winmail.dat"

_SIGNATURE = b"\x78\x9f\x3e\x22"
_HEADER = len(_SIGNATURE) + 2  # and a key
_BEFORE_DATA, _CHECKSUM = 9, 2  # level, id, length
_ATTACHMENT = 2
_VERSION_AND_CODEPAGE = frozenset({b"\x06\x90\x08\x00", b"\x07\x90\x06\x00"})


def attachments_of(data: bytes) -> bytes | None:
    """Return the data with nothing but its attachments. None: there are no whole ones."""
    if not data.startswith(_SIGNATURE):
        return None
    kept = [data[:_HEADER]]
    has_attachment = False
    for start, end in _attributes(data):
        is_attachment = data[start] == _ATTACHMENT
        has_attachment = has_attachment or is_attachment
        if is_attachment or data[start + 1 : start + 5] in _VERSION_AND_CODEPAGE:
            kept.append(data[start:end])
    return b"".join(kept) if has_attachment else None


def _attributes(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each attribute lies that is there as a whole."""
    at = _HEADER
    while at + _BEFORE_DATA + _CHECKSUM <= len(data):
        length = int.from_bytes(data[at + 5 : at + _BEFORE_DATA], "little")
        end = at + _BEFORE_DATA + length + _CHECKSUM
        if end > len(data):
            return
        yield at, end
        at = end
