"""SES's event publishing: a `Send` event for each accepted mail, through SNS into a queue.

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
"""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tools.aws.faults import Dice
from tools.aws.queues import Message, Queue
from tools.aws.ses import Accepted
from tools.local.signing import Signer, notification


@dataclass(frozen=True, slots=True)
class Destination:
    """Where events go: a topic, who signs for it, and the name of its queue."""

    topic: str
    signer: Signer
    queue: str

    @classmethod
    def from_json(cls, given: dict[str, str]) -> "Destination":
        """Read what `FastAws.publish_send_events` sends."""
        key = load_pem_private_key(given["key"].encode(), None)
        if not isinstance(key, RSAPrivateKey):
            raise TypeError("key: an RSA key")
        certificate = x509.load_pem_x509_certificate(given["certificate"].encode())
        return cls(given["topic"], Signer(key, certificate, given["url"]), given["queue"])


class SendEvents:
    """Publishes to a destination; without one, nothing."""

    def __init__(self, dice: Dice, find_queue: Callable[[str], Queue]) -> None:
        self.destination: Destination | None = None
        self._dice = dice
        self._find_queue = find_queue

    def publish(self, mail: Accepted) -> None:
        """Publish the event of a mail, unless it is to be lost; later, if it is to be delayed."""
        if self.destination is None or self._dice.loses_event():
            return
        if delay_seconds := self._dice.faults.event_delay_ms / 1000:
            asyncio.get_running_loop().call_later(delay_seconds, self._put, self.destination, mail)
        else:
            self._put(self.destination, mail)

    def _put(self, destination: Destination, mail: Accepted) -> None:
        fields = notification(destination.topic, json.dumps(_event(mail)))
        now = time.time()
        message = Message(json.dumps(destination.signer.sign(fields)), now)
        self._find_queue(destination.queue).send(message, now)


def _event(mail: Accepted) -> dict[str, Any]:
    return {
        "eventType": "Send",
        "mail": {
            "timestamp": datetime.fromtimestamp(mail.at, UTC).isoformat(timespec="milliseconds"),
            "source": mail.sender,
            "messageId": mail.ses_id,
            "destination": list(mail.recipients),
            "tags": {name: [value] for name, value in mail.tags},
        },
        "send": {},
    }
