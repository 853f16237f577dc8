"""What owners get of signed and encrypted mails: any change would break them."""

import base64
import functools
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

from emails.mime.issues import Issue
from emails.mime.plans import Note
from emails.mime.rewrite_forward import rewrite_forward
from tests.mime_checker import check_octets
from tests.unit.mime.builders import FORWARD, NOW, a_mail, read


def forward(raw: bytes) -> bytes:
    return rewrite_forward(raw, FORWARD).raw


SIGNED = a_mail(
    "Content-Type: multipart/signed; boundary=b",
    body="--b\nContent-Type: text/plain\n\nsigned  text\n--b\nContent-Type: x/y\n\nsig\n--b--\n",
)


def test_a_signed_mail_stays_unchanged_and_whole() -> None:
    """Outlook and Thunderbird show that a mail is signed only if that is the whole of it."""
    mail = read(forward(SIGNED))

    assert mail.get_content_type() == "multipart/signed"
    assert forward(SIGNED).endswith(SIGNED.partition(b"\r\n\r\n")[2])
    assert "[NOTE]" in (mail.preamble or "")


def test_a_note_that_must_be_seen_is_a_part_beside_a_signed_mail() -> None:
    """Otherwise a forger would only have to sign, with any key, to get rid of our warning."""
    plan = replace(FORWARD, make_note=lambda *_: Note("[NOTE]", "<p>[NOTE]</p>", True))

    mail = read(rewrite_forward(SIGNED, plan).raw)

    signed, note = list(mail.iter_parts())
    assert "[NOTE]" in note.get_content()
    assert signed.get_content_type() == "multipart/signed"
    assert "signed  text" in signed.as_string()


def test_an_encrypted_mail_stays_unchanged() -> None:
    """Mail programs decrypt mails encrypted as a whole, but not always an encrypted part."""
    body = "--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--b\n\nsecret\n--b--\n"

    mail = read(forward(a_mail("Content-Type: multipart/encrypted; boundary=b", body=body)))

    assert mail.get_content_type() == "multipart/encrypted"
    version, secret = list(mail.iter_parts())
    assert (version.get_content_type(), secret.get_content()) == (
        "application/pgp-encrypted",
        "secret",
    )
    # Shown only by mail programs that can't decrypt.
    assert "[NOTE]" in (mail.preamble or "")


@functools.cache
def a_signer() -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Bob")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + timedelta(days=9))
    return builder.sign(key, hashes.SHA256()), key


def signed(content: bytes, algorithm: hashes.SHA256 | hashes.SHA512) -> bytes:
    """Sign some octets with S/MIME, as a mail of two parts."""
    builder = pkcs7.PKCS7SignatureBuilder().set_data(content)
    builder = builder.add_signer(*a_signer(), algorithm)
    options = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]
    signature = base64.encodebytes(builder.sign(serialization.Encoding.DER, options))
    head = a_mail(
        'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary="b"',
        body="",
    )
    fields = (
        b"Content-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    )
    end = b"\r\n--b\r\n" + fields + signature.replace(b"\n", b"\r\n") + b"--b--\r\n"
    return head + b"--b\r\n" + content + end


EIGHT_BIT = "\r\n".join(
    [
        "Content-Type: multipart/mixed; boundary=in",
        "X-Ä: ö",
        *("", "--in", "Content-Type: text/plain; charset=utf-8", "", "Grüße  ", ""),
        *("--in", "Content-Type: message/rfc822", "", "Subject: Ü", "", "ö", "--in--", ""),
    ]
).encode()


@pytest.mark.parametrize("algorithm", [hashes.SHA256(), hashes.SHA512()], ids=lambda one: one.name)
@pytest.mark.parametrize("line_end", [b"\r\n", b"\n", b"\r"])
def test_8_bit_content_under_a_signature_that_holds_stays(
    algorithm: hashes.SHA256 | hashes.SHA512, line_end: bytes
) -> None:
    raw = signed(EIGHT_BIT, algorithm).replace(b"\r\n", line_end)

    result = rewrite_forward(raw, FORWARD)

    assert b"--b\r\n" + EIGHT_BIT + b"\r\n--b\r\n" in result.raw
    assert Issue.SEAL_BROKEN not in result.issues
    assert result.raw.replace(EIGHT_BIT, b"").isascii()


@pytest.mark.parametrize(
    ("old", "new"), [("Grüße".encode(), "Grüsse für".encode()), (b"  \r\n", b"\0\r\n")]
)
def test_8_bit_content_under_a_signature_that_does_not_hold_is_encoded(
    old: bytes, new: bytes
) -> None:
    result = rewrite_forward(signed(EIGHT_BIT, hashes.SHA256()).replace(old, new, 1), FORWARD)

    assert check_octets(result.raw) == []
    assert Issue.SEAL_BROKEN in result.issues


def test_8_bit_content_with_a_long_line_is_encoded_though_its_signature_holds() -> None:
    content = b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + b"\xc3\xa4" * 600

    result = rewrite_forward(signed(content, hashes.SHA256()), FORWARD)

    assert check_octets(result.raw) == []
    assert Issue.SEAL_BROKEN in result.issues
