"""The body of a call to SES's SendEmail, as JSON that is written in pieces.

A mail of 40 MB becomes 53 MB of base64. It is encoded twice, once to be signed and once to be sent,
and never held as a whole; no piece keeps other threads from running for more than a millisecond. A
body of one piece, as nearly all are, is kept instead.
https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
"""

import json
from binascii import b2a_base64
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

PIECE_BYTES = 3 * 16 * 1024
"""A multiple of three, so that only the last piece needs base64's padding. Each piece has the time
limit of a connection's start, so it is small."""

_END = b'"}}}'


class SendRequest:
    """One request, and whether the last of it may have left this machine."""

    def __init__(
        self,
        raw: bytes,
        *,
        sender: str,
        recipients: Sequence[str],
        tags: Sequence[tuple[str, str]],
        configuration_set: str | None,
    ) -> None:
        fields: dict[str, object] = {
            "FromEmailAddress": sender,
            "Destination": {"ToAddresses": list(recipients)},
            "EmailTags": [{"Name": name, "Value": value} for name, value in tags],
        }
        if configuration_set:
            fields["ConfigurationSetName"] = configuration_set
        self._start = json.dumps(fields)[:-1].encode() + b', "Content": {"Raw": {"Data": "'
        self._raw = raw
        self._kept = tuple(self._written()) if len(raw) <= PIECE_BYTES else None
        self.may_have_left = False

    def __len__(self) -> int:
        base64_length = (len(self._raw) + 2) // 3 * 4
        return len(self._start) + base64_length + len(_END)

    def sha256(self) -> str:
        """Hash the whole body; in hexadecimal."""
        digest = sha256()
        for piece in self._pieces():
            digest.update(piece)
        return digest.hexdigest()

    def send(self) -> Iterator[bytes]:
        """Yield the body to whoever sends it, and note when all of it has been asked for."""
        left = len(self)
        for piece in self._pieces():
            left -= len(piece)
            self.may_have_left = left == 0
            yield piece

    def _pieces(self) -> Iterable[bytes]:
        return self._written() if self._kept is None else self._kept

    def _written(self) -> Iterator[bytes]:
        """Yield as few pieces as the mail's size allows: each costs a call to the network."""
        piece, mail = self._start, memoryview(self._raw)
        for start in range(0, len(mail), PIECE_BYTES):
            if start:
                yield piece
                piece = b""
            piece += b2a_base64(mail[start : start + PIECE_BYTES], newline=False)
        yield piece + _END
