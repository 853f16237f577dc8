"""Signs SNS envelopes as SNS does, with our own key and certificate.

`AWS_SNS_CERTIFICATE_DIR` points the bridge to the folder with the certificate, so it verifies these
envelopes like real ones.
https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

import base64
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.x509.oid import NameOID

_HASHES: dict[str, hashes.HashAlgorithm] = {
    "1": hashes.SHA1(),
    "2": hashes.SHA256(),
}
_NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION = (
    *("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
)


@dataclass(frozen=True, slots=True)
class Signer:
    """A key, its certificate, and the URL that the certificate would have at SNS."""

    key: RSAPrivateKey
    certificate: x509.Certificate
    url: str

    @classmethod
    def generate(
        cls,
        region: str,
        *,
        key_bits: int = 2048,
        valid_from: datetime | None = None,
        valid_days: int = 30,
    ) -> "Signer":
        """Make a key and a certificate, valid for `valid_days` before and after `valid_from`."""
        key = generate_private_key(public_exponent=65537, key_size=key_bits)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
        middle = valid_from or datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(middle - timedelta(days=valid_days))
            .not_valid_after(middle + timedelta(days=valid_days))
            .sign(key, hashes.SHA256())
        )
        file_name = f"SimpleNotificationService-{uuid.uuid4().hex}.pem"
        return cls(key, certificate, f"https://sns.{region}.amazonaws.com/{file_name}")

    @property
    def pem(self) -> bytes:
        """The certificate, as SNS serves it."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The private key, for another process that signs."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def write_certificate(self, folder: Path) -> None:
        """Write the certificate into the folder for `AWS_SNS_CERTIFICATE_DIR`."""
        (folder / self.url.rsplit("/", 1)[-1]).write_bytes(self.pem)

    def sign(self, fields: dict[str, str], version: str = "2") -> dict[str, str]:
        """Add the signature, its version and the certificate's URL to an envelope's fields."""
        names = _NOTIFICATION if fields["Type"] == "Notification" else _CONFIRMATION
        text = "".join(f"{name}\n{fields[name]}\n" for name in names if name in fields)
        signature = self.key.sign(text.encode(), PKCS1v15(), _HASHES[version])
        return fields | {
            "SignatureVersion": version,
            "Signature": base64.b64encode(signature).decode(),
            "SigningCertURL": self.url,
        }


def notification(topic: str, message: str, message_id: str | None = None) -> dict[str, str]:
    """Make the fields of a Notification envelope, to be signed."""
    return {
        "Type": "Notification",
        "MessageId": message_id or str(uuid.uuid4()),
        "TopicArn": topic,
        "Subject": "Amazon SES Email Receipt Notification",
        "Message": message,
        "Timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    }


def subscription_confirmation(topic: str) -> dict[str, str]:
    """Make the fields of a SubscriptionConfirmation envelope, to be signed."""
    return {
        "Type": "SubscriptionConfirmation",
        "MessageId": str(uuid.uuid4()),
        "Token": uuid.uuid4().hex,
        "TopicArn": topic,
        "Message": f"You have chosen to subscribe to the topic {topic}.",
        "SubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription",
        "Timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    }
