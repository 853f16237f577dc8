"""Authenticates SNS envelopes: topic, certificate, signature. Pure: no network, no clock.

A message body is hostile until `authenticate` has returned it: with a faulty queue policy, anybody
can send one. The cheap checks come first; no certificate is requested before the topic, the
signature's version and the URL are right.

A genuine signature proves only that *some* topic published the envelope, and anybody can own a
topic. Only the list of our own topics makes it proof.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from bridge.sns.envelope import Envelope, canonical, parse
from bridge.sns.reject_reasons import Rejected, RejectReason, loggable
from emails.wire import MAX_AGE_HOURS
from runtime.partitions import host_of, region_of_topic

MIN_KEY_BITS = 2048
MAX_PEM_BYTES = 16 * 1024
"""SNS's certificates are about two kilobytes."""


@dataclass(frozen=True, slots=True)
class CertificateUrl:
    """Where SNS publishes a certificate: `https://{host}/{file_name}`."""

    host: str
    file_name: str


def authenticate(
    body: str,
    *,
    topics: Collection[str],
    versions: Collection[str],
    certificate_at: Callable[[str, datetime], x509.Certificate],
    now: datetime,
) -> Envelope:
    """Read a message body and prove that SNS published it for one of our topics.

    `certificate_at(url, now)` returns the certificate; its errors pass through. Raises `Rejected`.
    """
    envelope = prove_origin(
        body, topics=topics, versions=versions, certificate_at=certificate_at, now=now
    )
    check_age(envelope, now)
    return envelope


def prove_origin(
    body: str,
    *,
    topics: Collection[str],
    versions: Collection[str],
    certificate_at: Callable[[str, datetime], x509.Certificate],
    now: datetime,
) -> Envelope:
    """Like `authenticate`, of whatever age: an operator may requeue what was let in long ago."""
    envelope = parse(body)
    check_topic(envelope, topics)
    check_version(envelope, versions)
    check_certificate_url(envelope.signing_cert_url, envelope.topic_arn)
    verify(envelope, certificate_at(envelope.signing_cert_url, now), now)
    return envelope


# --- topic, version, age, certificate URL --------------------------------------------------------

_CERTIFICATE_URL = re.compile(
    r"https://(?P<host>sns\.(?P<region>[a-z0-9-]+)\.[a-z0-9.-]+)"
    r"/(?P<file_name>SimpleNotificationService-[0-9a-f]{1,64}\.pem)"
)
"""Matches the whole URL: no port, user info, query or trailing junk. The host is compared with the
region's."""

MAX_AHEAD = timedelta(minutes=15)
"""How far SNS's clock may be ahead of ours. AWS refuses requests of machines whose clocks differ
more."""

_DIGESTS: dict[str, hashes.HashAlgorithm] = {
    "1": hashes.SHA1(),  # noqa: S303 - SNS's default; a setting refuses it
    "2": hashes.SHA256(),
}


def check_topic(envelope: Envelope, topics: Collection[str]) -> None:
    """Reject envelopes of other topics."""
    if envelope.topic_arn not in topics:
        raise Rejected(RejectReason.WRONG_TOPIC, loggable(envelope.topic_arn))


def check_version(envelope: Envelope, versions: Collection[str]) -> None:
    """Reject envelopes whose signature version is not in `versions`."""
    version = envelope.signature_version
    if version not in versions or version not in _DIGESTS:
        raise Rejected(RejectReason.SIGNATURE_VERSION_REFUSED, loggable(version))


def check_age(envelope: Envelope, now: datetime) -> None:
    """Reject envelopes so old that the database may have forgotten their processing.

    And those from the future, which would still come in when it has.
    """
    try:
        published = datetime.fromisoformat(envelope.timestamp)
    except ValueError:
        raise Rejected(RejectReason.NOT_AN_ENVELOPE, "Timestamp") from None
    age = now - published.astimezone(UTC)
    if age > timedelta(hours=MAX_AGE_HOURS):
        raise Rejected(RejectReason.TOO_OLD, loggable(envelope.timestamp))
    if age < -MAX_AHEAD:
        raise Rejected(RejectReason.FROM_THE_FUTURE, loggable(envelope.timestamp))


def certificate_url(url: str) -> CertificateUrl:
    """Split the URL of an SNS certificate; rejects any other URL."""
    match = _CERTIFICATE_URL.fullmatch(url)
    if match is None or match["host"] != host_of("sns", match["region"]):
        raise Rejected(RejectReason.WRONG_CERTIFICATE_URL)
    return CertificateUrl(match["host"], match["file_name"])


def check_certificate_url(url: str, topic_arn: str) -> None:
    """Reject any URL except that of an SNS certificate of the topic's region."""
    region = region_of_topic(topic_arn)
    if region is None:
        raise Rejected(RejectReason.WRONG_TOPIC, loggable(topic_arn))
    host = certificate_url(url).host
    if host != host_of("sns", region):
        raise Rejected(RejectReason.WRONG_CERTIFICATE_URL, f"{host} is not the topic's")


# --- the signature -------------------------------------------------------------------------------


def verify(envelope: Envelope, certificate: x509.Certificate, now: datetime) -> None:
    """Reject the envelope unless the certificate is valid `now` and its key made the signature.

    The signature's version must have been checked. The caller knows that the certificate is SNS's:
    it has no chain to verify, and is trusted for the host that served it.
    """
    key = _public_key(certificate)
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise Rejected(RejectReason.BAD_CERTIFICATE, "out of its dates")
    digest = _DIGESTS[envelope.signature_version]
    try:
        key.verify(envelope.signature, canonical(envelope), PKCS1v15(), digest)
    except InvalidSignature:
        raise Rejected(RejectReason.BAD_SIGNATURE) from None
    except UnsupportedAlgorithm:  # an OpenSSL configured without SHA1
        raise Rejected(RejectReason.SIGNATURE_VERSION_REFUSED, "by this machine") from None


_ONE_CERTIFICATE = re.compile(
    rb"\s*-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*"
)


def load_certificate(pem: bytes) -> x509.Certificate:
    """Read a PEM file that holds exactly one certificate, of an RSA key.

    Raises `Rejected`. The dates are not checked here, but at each use.
    """
    if len(pem) > MAX_PEM_BYTES:
        raise Rejected(RejectReason.BAD_CERTIFICATE, "too large")
    if not _ONE_CERTIFICATE.fullmatch(pem):
        raise Rejected(RejectReason.BAD_CERTIFICATE, "not one certificate")
    try:
        certificate = x509.load_pem_x509_certificate(pem)
    except (ValueError, x509.InvalidVersion):
        raise Rejected(RejectReason.BAD_CERTIFICATE, "unreadable") from None
    _public_key(certificate)
    return certificate


def _public_key(certificate: x509.Certificate) -> RSAPublicKey:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise Rejected(RejectReason.BAD_CERTIFICATE, "unreadable key") from None
    if not isinstance(key, RSAPublicKey):
        raise Rejected(RejectReason.BAD_CERTIFICATE, "not an RSA key")
    if key.key_size < MIN_KEY_BITS:
        raise Rejected(RejectReason.BAD_CERTIFICATE, f"a key of {key.key_size} bits")
    return key
