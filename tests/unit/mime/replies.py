"""Builds replies, and looks for what they tell of their writer."""

from base64 import encodebytes
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.header import decode_header, make_header

from emails.mime.rewrite_reply import rewrite_reply
from tests.unit.mime.builders import OWNER, REPLY, a_mail
from tests.unit.mime.readers import readings
from tests.unit.mime.spellings import OWNER as PLAIN_OWNER

DOMAIN = "owner.example"
SECRET = "0100secret@email.amazonses.com"


def reply(*parts: str, kind: str = "mixed", head: str = "X: y") -> bytes:
    body = "".join(f"--b\n{part}\n" for part in parts)
    raw = a_mail(head, f"Content-Type: multipart/{kind}; boundary=b", body=f"{body}--b--\n")
    return rewrite_reply(raw, REPLY).raw


def in_base64(content_type: str, data: bytes, *head: str) -> str:
    lines = [f"Content-Type: {content_type}", "Content-Transfer-Encoding: base64", *head]
    return "\n".join([*lines, "", encodebytes(data).decode()])


def all_read(raw: bytes) -> Iterator[str]:
    """Yield all that a mail program might show or read of a mail."""
    yield raw.decode("latin-1")
    for part in message_from_bytes(raw, policy=policy.compat32).walk():
        for value in part.values():
            yield str(make_header(decode_header(value)))
        yield str(part.get_filename())
        if not part.is_multipart():
            data = bytes(part.get_payload(decode=True) or b"")
            yield from (data.decode(one, "ignore") for one in ("utf-8", "latin-1", "utf-16-le"))


def assert_hidden(raw: bytes, *needles: str) -> None:
    for text in all_read(raw):
        for reading in readings(text):
            for needle in (OWNER, PLAIN_OWNER, *needles):
                assert needle.lower() not in reading, reading
