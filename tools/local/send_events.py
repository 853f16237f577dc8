"""SES's event publishing: a `Send` event for each accepted mail, signed as SNS signs.

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
"""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tools.local.signing import Signer, notification

CONTROL_PATH = "/_local/send-events"
"""The path by which both local AWS are told where to publish."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where events go: a topic, who signs for it, and the name of its queue."""

    topic: str
    signer: Signer
    queue: str

    def to_json(self) -> dict[str, str]:
        """Write it for the process that publishes."""
        return {
            "topic": self.topic,
            "queue": self.queue,
            "url": self.signer.url,
            "key": self.signer.key_pem.decode(),
            "certificate": self.signer.pem.decode(),
        }

    @classmethod
    def from_json(cls, given: Mapping[str, str]) -> "Destination":
        """Read what `to_json` wrote. Raises `ValueError`, `TypeError` or `KeyError`."""
        key = load_pem_private_key(given["key"].encode(), None)
        if not isinstance(key, RSAPrivateKey):
            raise TypeError("key: an RSA key")
        certificate = x509.load_pem_x509_certificate(given["certificate"].encode())
        return cls(given["topic"], Signer(key, certificate, given["url"]), given["queue"])

    def envelope(
        self, ses_id: str, sender: str, recipients: Iterable[str], tags: Mapping[str, str]
    ) -> str:
        """Make the signed event of a mail that SES has just accepted."""
        return self.signed(event("Send", ses_id, sender, recipients, tags) | {"send": {}})

    def signed(self, event: Mapping[str, object]) -> str:
        """Make the signed message of an event."""
        return json.dumps(self.signer.sign(notification(self.topic, json.dumps(event))))


def event(
    kind: str, ses_id: str, sender: str, recipients: Iterable[str], tags: Mapping[str, str]
) -> dict[str, object]:
    """Make what all events say of a mail. `kind` is SES's: `Send`, `Bounce`."""
    return {
        "eventType": kind,
        "mail": {
            "timestamp": datetime.fromtimestamp(time.time(), UTC).isoformat(),
            "source": sender,
            "messageId": ses_id,
            "destination": list(recipients),
            "tags": {name: [value] for name, value in tags.items()},
        },
    }


def tags_of(request: Mapping[str, object]) -> dict[str, str]:
    """Return the tags in a `SendEmail` request."""
    tags = request.get("EmailTags") or []
    assert isinstance(tags, list)
    return {str(tag["Name"]): str(tag["Value"]) for tag in tags}
