"""The bytes of a part: decoded whatever the mail claims of them, and written 7-bit clean."""

import base64
import binascii
import quopri
from email.message import Message

_MAX_LINE = 998
"""Octets in a line, without its end: RFC 5322, section 2.1.1."""

_UNENCODED = frozenset({"", "7bit", "8bit", "binary"})


def payload(part: Message) -> bytes:
    """Give a part's decoded bytes. An encoding that isn't one is taken for none."""
    raw = part.get_payload()
    body = raw.encode("utf-8", "surrogateescape") if isinstance(raw, str) else b""
    encoding = transfer_encoding(part)
    try:
        if encoding == "base64":
            return _base64(body)
        if encoding == "quoted-printable":
            return quopri.decodestring(body)
    except (binascii.Error, ValueError):
        return body
    return body


def transfer_encoding(part: Message) -> str:
    """Give the part's transfer encoding in lower case, without what does not belong there."""
    value = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    return value.split(";")[0].split()[0] if value else ""


def text_of(part: Message) -> str:
    """Give a text part's text. A charset that is unknown or wrong is survived."""
    body = payload(part)
    declared = part.get_content_charset("utf-8") or "utf-8"
    for charset in (declared, "utf-8"):
        try:
            return body.decode(charset)
        except (ValueError, LookupError):
            continue
    return body.decode("latin-1")


def set_text(part: Message, text: str, subtype: str) -> None:
    """Make the part hold this text, as UTF-8; other parameters of its type stay."""
    body = text.encode("utf-8", "replace")
    del part["Content-Transfer-Encoding"]
    if part.get_content_type() == f"text/{subtype}" and "Content-Type" in part:
        part.set_param("charset", "utf-8")
    else:
        del part["Content-Type"]
        part["Content-Type"] = f'text/{subtype}; charset="utf-8"'
    _write(part, body, readable=True)


def make_clean(part: Message) -> None:
    """Re-encode a part that is not 7-bit clean; its decoded bytes stay the same."""
    raw = part.get_payload()
    if not isinstance(raw, str):
        return
    known = transfer_encoding(part) in _UNENCODED | {"base64", "quoted-printable"}
    if known and _is_clean(raw):
        return
    body = payload(part)
    del part["Content-Transfer-Encoding"]
    _write(part, body, readable=False)


def _is_clean(raw: str) -> bool:
    return (
        raw.isascii()
        and "\0" not in raw
        and all(len(line) <= _MAX_LINE for line in raw.splitlines())
    )


def _write(part: Message, body: bytes, *, readable: bool) -> None:
    """Write text that is mostly ASCII so that it stays readable, all else as base64.

    Only text of our own making is written so: on its way a line end may become another one.
    """
    mostly_ascii = sum(octet < 128 for octet in body[:4096]) * 4 >= len(body[:4096]) * 3
    if readable and mostly_ascii and b"\0" not in body:
        part["Content-Transfer-Encoding"] = "quoted-printable"
        part.set_payload(quopri.encodestring(body).decode())
    else:
        part["Content-Transfer-Encoding"] = "base64"
        part.set_payload(base64.encodebytes(body).decode())


def _base64(body: bytes) -> bytes:
    """Decode base64 as mail clients do: what does not belong there is passed over."""
    kept = bytes(octet for octet in body if octet in _BASE64_OCTETS)
    return binascii.a2b_base64(kept + b"=" * (-len(kept) % 4))


_BASE64_OCTETS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
