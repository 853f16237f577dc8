"""The fast local AWS as a process, for the relay's processes and their tests."""

import base64
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tools.aws import faults
from tools.aws.faults import Faults
from tools.aws.web import CONTROL_PATH
from tools.local import ses
from tools.local.aws import BUCKET, SentMail, SimulatedAws

_LOADED_AT_ONCE = 500
_NOTICES_AT_ONCE = 20  # they may be as large as SQS allows

Mail = tuple[bytes, Sequence[str]]
"""A mail and its recipients."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """Received mails: their contents by key in the bucket, and their SQS message bodies."""

    objects: dict[str, bytes] = field(default_factory=dict)
    bodies: list[str] = field(default_factory=list)


class FastAws(SimulatedAws):
    """`python -m tools.aws`: replaces moto in tests with load or faults.

    The methods here bypass the injected faults; calls through `sqs` and `s3` don't.
    """

    _MODULE = "tools.aws"
    _RESET = f"{CONTROL_PATH}reset"

    def sent(self, start: int = 0) -> list[SentMail]:
        """List the mails that SES accepted to send, oldest first, from number `start` on."""
        return [
            SentMail(
                mail["sender"],
                tuple(mail["recipients"]),
                base64.b64decode(mail["raw"]),
                mail["ses_id"],
            )
            for mail in self.accepted(start)
        ]

    def accepted(self, start: int = 0) -> list[dict[str, Any]]:
        """List the same mails as JSON, with the time of acceptance and the access key."""
        mails: list[dict[str, Any]] = self._ask("GET", f"{CONTROL_PATH}mails?from={start}")
        return mails

    def keep_bodies(self, keeps: bool) -> None:
        """Choose whether mails sent from now on are kept whole or as headers, until `reset`."""
        self._ask("PUT", f"{CONTROL_PATH}mails", {"keeps_bodies": keeps})

    def set_faults(self, injected: Faults) -> None:
        """Inject these faults from now on; `Faults()` or `reset` ends them all."""
        self._ask("PUT", f"{CONTROL_PATH}faults", faults.as_json(injected))

    def faults(self) -> Faults:
        """Return the current faults."""
        return faults.from_json(self._ask("GET", f"{CONTROL_PATH}faults"))

    def let_bounce(self, bouncing: Mapping[str, Mapping[str, str]]) -> None:
        """Let mails to these addresses bounce from now on, as `tools.aws.bounces` says; no others.

        SES tells of bounces by its events: see `publish_send_events`.
        """
        self._ask("PUT", f"{CONTROL_PATH}bounces", bouncing)

    def set_account(self, **fields: Any) -> None:
        """Let GetAccount answer so from now on: fields of its answer, the others as usual."""
        self._ask("PUT", f"{CONTROL_PATH}account", fields)

    def statistics(self) -> dict[str, Any]:
        """Return `begun`, `requests` and `sent_at`.

        `begun` counts by operation what has been received whole, answered or not; `requests` by
        operation and fate what has been answered; `sent_at` are the seconds, per mail.
        """
        statistics: dict[str, Any] = self._ask("GET", f"{CONTROL_PATH}statistics")
        return statistics

    def deliver_many(
        self, mails: Sequence[Mail], sns_message_ids: Sequence[str] = (), **verdicts: str
    ) -> list[str]:
        """Receive mails, each with its recipients, as SES would; returns their SQS message ids.

        SNS uses `sns_message_ids`, or random ids. `spam="FAIL"` sets a verdict; default PASS.
        Signing takes about a millisecond per mail.
        """
        names: Sequence[str | None] = sns_message_ids or [None] * len(mails)
        named = list(zip(mails, names, strict=True))
        ids: list[str] = []
        for start in range(0, len(mails), _LOADED_AT_ONCE):
            ids += self.load(self.sign(named[start : start + _LOADED_AT_ONCE], **verdicts))
        return ids

    def notify_many(
        self, notices: Sequence[dict[str, Any]], sns_message_ids: Sequence[str]
    ) -> list[str]:
        """Put notifications into the queue, past all faults; returns their SQS message ids."""
        named = list(zip(notices, sns_message_ids, strict=True))
        ids: list[str] = []
        for start in range(0, len(named), _NOTICES_AT_ONCE):
            some = named[start : start + _NOTICES_AT_ONCE]
            ids += self.load(Arrived(bodies=[self._envelope(*one) for one in some]))
        return ids

    def envelope(self, notice: dict[str, Any], sns_message_id: str) -> str:
        """Make the signed envelope of a notification."""
        return self._envelope(notice, sns_message_id)

    def sign(self, mails: Sequence[tuple[Mail, str | None]], **verdicts: str) -> Arrived:
        """Make the objects and signed envelopes that SES and SNS would make, for `load`."""
        arrived = Arrived()
        for (raw, recipients), sns_message_id in mails:
            key = uuid.uuid4().hex
            arrived.objects[key] = raw
            received = ses.received_in_s3(raw, recipients, bucket=BUCKET, key=key, **verdicts)
            arrived.bodies.append(self._envelope(received, sns_message_id))
        return arrived

    def load(self, arrived: Arrived, queue_url: str = "") -> list[str]:
        """Put mails into the bucket and messages into a queue; returns the messages' ids."""
        return self._load(arrived.objects, arrived.bodies, queue_url)

    def put(self, body: str) -> str:
        """Put any text into the queue; returns the id of its SQS message."""
        return self._load({}, [body])[0]

    def count(self, queue_url: str) -> int:
        """Count all messages in a queue: visible, delayed and hidden."""
        number: int = self._contents()["messages"][_name(queue_url)]
        return number

    def all_message_ids(self, queue_url: str) -> set[str]:
        """Return the ids of all messages in a queue, hidden ones included."""
        return set(self._messages(queue_url)["present"])

    def receives(self, queue_url: str) -> dict[str, int]:
        """Return how often SQS delivered each message of a queue; deleted ones are included."""
        receives: dict[str, int] = self._messages(queue_url)["receives"]
        return receives

    def sns_ids(self, queue_url: str) -> dict[str, str]:
        """Return SNS's id of each message that ever was in a queue, by SQS's id."""
        ids: dict[str, str] = self._messages(queue_url)["sns_ids"]
        return ids

    def stored_mails(self) -> list[str]:
        """List the mails that are still in S3."""
        keys: list[str] = self._contents()["objects"][BUCKET]
        return keys

    def _store(self, key: str, raw: bytes) -> None:
        self._load({key: raw}, [])

    def _load(self, objects: dict[str, bytes], bodies: list[str], queue_url: str = "") -> list[str]:
        encoded = {key: base64.b64encode(raw).decode() for key, raw in objects.items()}
        given = {"bucket": BUCKET, "objects": encoded, "queue": _name(queue_url or self.queue_url)}
        ids: list[str] = self._ask("POST", f"{CONTROL_PATH}load", given | {"bodies": bodies})
        return ids

    def _messages(self, queue_url: str) -> Any:
        return self._ask("GET", f"{CONTROL_PATH}messages")[_name(queue_url)]

    def _contents(self) -> Any:
        return self._ask("GET", f"{CONTROL_PATH}contents")


def _name(queue_url: str) -> str:
    return queue_url.rpartition("/")[2]
