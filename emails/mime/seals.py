"""Which signed content must be sent on octet for octet, although it is not 7-bit clean.

RFC 8551 (3.1.3) forbids 8-bit data in what S/MIME signs, but some programs sign it. To encode it
breaks the signature. SES only advises to encode it, and mail servers have passed it on for decades:
https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_RawMessage.html
"""

import hashlib
import re

from emails.mime.encoding import decoded, has_sendable_lines
from emails.mime.structure import Part

_SIGNATURES = frozenset({"application/pkcs7-signature", "application/x-pkcs7-signature"})
_DIGESTS = ("sha256", "sha512", "sha384", "sha1", "sha224")
_MAX_SIGNATURE = 200_000
_LINE_END = re.compile(rb"\r\n|\r|\n")


def intact_content(raw: bytes, part: Part) -> bytes | None:
    """Return what an S/MIME signature covers, with CRLF at its line ends. None: nothing that holds.

    It holds if the signature has the content's hash: anything else may be changed without harm.
    """
    if part.content_type != "multipart/signed" or len(part.children) != 2:
        return None
    content, signature = part.children
    size = signature.end - signature.body
    if signature.content_type not in _SIGNATURES or size > _MAX_SIGNATURE:
        return None
    if not has_sendable_lines(raw, content.start, content.end):
        return None
    # They were CRLF when it was signed: RFC 8551, 3.1.1.
    signed = _LINE_END.sub(b"\r\n", raw[content.start : content.end])
    message, _ = decoded(raw[signature.body : signature.end], signature.encoding)
    hashes = (hashlib.new(name, signed, usedforsecurity=False).digest() for name in _DIGESTS)
    return signed if any(one in message for one in hashes) else None
