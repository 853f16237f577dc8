"""Builders of correctly signed envelopes, and the bridge's check of a message body."""

import json
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import strategies as st

from bridge.sns import signature
from bridge.sns.envelope import Envelope
from bridge.sns.reject_reasons import Rejected
from tools.local.signing import Signer, notification, subscription_confirmation

TOPIC = "arn:aws:sns:us-east-1:123456789012:mail"
NOW = datetime(2030, 5, 1, 12, tzinfo=UTC)
JUST_NOW = {"Timestamp": "2030-05-01T11:59:59.719Z"}
RECEIVED = '{"notificationType": "Received"}'
BOTH_VERSIONS = ("1", "2")

# Values that imitate the lines of the signed text.
TRICKY = st.lists(
    st.sampled_from(["\n", "Message", "MessageId", "Subject", "Timestamp", "Type", "x", "é"]),
    max_size=12,
).map("".join)

Fields = Mapping[str, object]


@cache
def our_signer() -> Signer:
    """Replaces SNS's signer in us-east-1; its certificate is valid at `NOW`."""
    return Signer.generate("us-east-1", valid_from=NOW, valid_days=1)


def a_notification(message: str = RECEIVED, version: str = "2", **fields: str) -> dict[str, str]:
    """Make a correctly signed notification; `fields` are set before signing."""
    return our_signer().sign(notification(TOPIC, message) | JUST_NOW | fields, version)


def a_confirmation(**fields: str) -> dict[str, str]:
    """Make a correctly signed subscription confirmation."""
    return our_signer().sign(subscription_confirmation(TOPIC) | JUST_NOW | fields)


def an_ec_certificate() -> x509.Certificate:
    """Make a certificate whose key is not RSA, unlike SNS's."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1)
    return (
        builder.not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )


def without(fields: dict[str, str], *names: str) -> dict[str, str]:
    """Return a copy without these fields."""
    return {name: value for name, value in fields.items() if name not in names}


def authenticate(
    body: Fields | str,
    *,
    certificate: x509.Certificate | None = None,
    topics: Collection[str] = (TOPIC,),
    versions: Collection[str] = BOTH_VERSIONS,
    now: datetime = NOW,
) -> Envelope:
    """Authenticate as the bridge does, against our signer's certificate."""
    return signature.authenticate(
        body if isinstance(body, str) else json.dumps(body),
        topics=topics,
        versions=versions,
        certificate_at=lambda _url, _now: certificate or our_signer().certificate,
        now=now,
    )


def rejection(act: Callable[[], object]) -> Rejected:
    """Return the `Rejected` that `act` must raise."""
    with pytest.raises(Rejected) as caught:
        act()
    return caught.value
