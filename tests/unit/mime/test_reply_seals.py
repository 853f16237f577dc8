"""What replies lose because it names their writer, and which can't be searched at all."""

import pytest

from emails.mime.rewrite_reply import rewrite_reply
from emails.mime.tnef import attachments_of
from emails.values.errors import Refused
from emails.values.outcomes import RefuseReason
from tests.unit.mime.builders import OWNER, REPLY, a_mail, read, texts
from tests.unit.mime.replies import assert_hidden, in_base64, reply

SIGNATURES = {
    "a type of its own": "application/pgp-signature",
    "no type": "application/octet-stream; name=smime.p7s",
    "an unknown type": "application/x-unheard-of",
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_signature_of_a_signed_mail_is_removed_whatever_its_type(name: str) -> None:
    raw = reply("\nhello", in_base64(SIGNATURES[name], b"\0" + OWNER.encode()), kind="signed")

    assert_hidden(raw)
    assert [part.get_content_type() for part in read(raw).walk()][1:] == ["text/plain"]


@pytest.mark.parametrize("name", ["smime.p7s", "signature.asc", "OpenPGP_signature.asc"])
def test_a_signature_is_known_by_its_name_too(name: str) -> None:
    file = in_base64(f"application/octet-stream; name={name}", b"\0" + OWNER.encode())

    assert_hidden(reply("\nhello", file))


def test_a_signature_within_the_text_is_removed() -> None:
    text = (
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nyes\n"
        "-----BEGIN PGP SIGNATURE-----\nComment: Ann\n\niQEz-x\n-----END PGP SIGNATURE-----\nbye"
    )

    assert texts(read(rewrite_reply(a_mail(body=text), REPLY).raw)) == ["yes\r\nbye"]


ENCRYPTED = "-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----\n"
OPAQUE = in_base64("application/octet-stream; name=smime.p7m", b"x")
UNSEARCHABLE = {
    "encrypted text": a_mail(body=ENCRYPTED),
    "encrypted mail of an unknown type": a_mail(
        "Content-Type: multipart/mixed; boundary=b", body=f"--b\n{OPAQUE}\n--b--"
    ),
    "only Outlook's own format": a_mail("Content-Type: application/ms-tnef", body="x"),
    "more parts than we read": a_mail(
        "Content-Type: multipart/mixed; boundary=b", body="--b\n\nx\n" * 20_005 + "--b--"
    ),
}


@pytest.mark.parametrize("name", UNSEARCHABLE)
def test_what_can_not_be_searched_is_refused(name: str) -> None:
    with pytest.raises(Refused) as refused:
        rewrite_reply(UNSEARCHABLE[name], REPLY)
    assert refused.value.reason is RefuseReason.SEALED_REPLY


def test_encoded_mails_nested_deeper_than_we_decode_are_refused() -> None:
    part = f"To: {OWNER}\n\nhello"
    for _ in range(21):
        part = in_base64("message/rfc822", part.encode())

    with pytest.raises(Refused):
        reply(part)


def test_a_quoted_encrypted_text_may_be_answered() -> None:
    quoted = "".join(f"> {line}\n" for line in ENCRYPTED.splitlines())

    assert "BEGIN PGP MESSAGE" in texts(read(rewrite_reply(a_mail(body=quoted), REPLY).raw))[0]


def _attribute(level: int, number: int, data: bytes) -> bytes:
    size = len(data).to_bytes(4, "little")
    checksum = (sum(data) & 0xFFFF).to_bytes(2, "little")
    return bytes([level]) + number.to_bytes(4, "little") + size + data + checksum


VERSION = _attribute(1, 0x00089006, b"\0\0\1\0")
FILE = _attribute(2, 0x0006800F, b"the file")
WINMAIL = (
    b"\x78\x9f\x3e\x22\x01\0"
    + VERSION
    + _attribute(1, 0x00069003, b"SMTP:" + OWNER.upper().encode() + OWNER.encode("utf-16-le"))
    + FILE
)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (WINMAIL, b"\x78\x9f\x3e\x22\x01\0" + VERSION + FILE),
        (WINMAIL.removesuffix(FILE), None),
        (WINMAIL[:-1], None),
        (b"\x78\x9f\x3e\x22\x01\0" + OWNER.encode(), None),
        (b"", None),
        (OWNER.encode(), None),
    ],
)
def test_of_outlooks_own_format_only_the_attachments_are_left(
    data: bytes, expected: bytes | None
) -> None:
    part = in_base64("application/ms-tnef; name=winmail.dat", data)
    raw = reply("Content-Type: text/plain\n\nhello", part)

    assert attachments_of(data) == expected
    assert_hidden(raw)
    *_, last = read(raw).walk()
    assert bytes(last.get_payload(decode=True) or b"") == (expected or b"")
