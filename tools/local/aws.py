"""A local AWS: a server process with a queue and a bucket, and a stand-in for SES's receiving side.

The servers' SES receives no mail, and their SNS makes no valid signatures. So this module does what
they would do: it stores the mail, and puts a signed notification of it into the queue.
"""

import json
import os
import sys
import uuid
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol
from urllib.request import ProxyHandler, Request, build_opener

import boto3
from botocore.config import Config
from botocore.session import Session as CoreSession

from tools.local import ses
from tools.local.processes import Process, free_port, is_listening, passed_on
from tools.local.send_events import CONTROL_PATH, Destination
from tools.local.signing import Signer, notification

REGION = "us-east-1"
TOPIC = f"arn:aws:sns:{REGION}:123456789012:ses-inbound"
BUCKET = "mails"
MASK_DOMAIN = "masks.example"
MAX_RECEIVES = 60
"""As in `deploy/terraform`."""

_QUEUE, _OVERFLOW, _DEAD_LETTERS = "mail", "mail-overflow", "mail-dead-letters"

_ROOT = Path(__file__).resolve().parents[2]

# Ignore this machine's proxy and AWS profile: neither leads to a local server.
_DIRECT = Config(proxies={})
_NOT_SET = (None, None, None, None)
_NO_FILE = (None, None, os.devnull, None)


@dataclass(frozen=True, slots=True)
class SentMail:
    """A mail that SES accepted to send."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    ses_id: str


class Server(Protocol):
    """A running server."""

    @property
    def pid(self) -> int:
        """The id of its process."""

    def stop(self) -> object:
        """Stop it."""


class SimulatedAws(ABC):
    """A server process that simulates AWS, set up for the relay; `deliver` acts as SES.

    By default it listens on a free loopback port.
    """

    _MODULE: ClassVar[str]
    """The module to run; it accepts `--host` and `--port`."""
    _RESET: ClassVar[str]
    """The path that resets the server."""

    def __init__(self, folder: Path, host: str = "127.0.0.1", port: int | None = None) -> None:
        port = port or free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        self._server = self._start(host, port, folder / "aws.log")
        self.certificates = folder / "certificates"
        self.certificates.mkdir(exist_ok=True)
        self.signer = Signer.generate(REGION)
        self.signer.write_certificate(self.certificates)
        self._http = build_opener(ProxyHandler({}))
        session = _session()
        self.sqs = session.client("sqs", endpoint_url=self.endpoint, config=_DIRECT)
        self.s3 = session.client("s3", endpoint_url=self.endpoint, config=_DIRECT)
        self._sns = session.client("sns", endpoint_url=self.endpoint, config=_DIRECT)
        self._ses = session.client("sesv2", endpoint_url=self.endpoint, config=_DIRECT)
        self.queue_url = self.overflow_queue_url = self.dead_letter_queue_url = ""
        self._publishes = self._has_overflow = False
        self.set_up()

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._server.pid

    def set_up(self, visibility_seconds: int = 30) -> None:
        """Create the queues, the bucket, the topic and the SES identity."""
        self.dead_letter_queue_url = self.sqs.create_queue(QueueName=_DEAD_LETTERS)["QueueUrl"]
        self.queue_url, self.overflow_queue_url = (
            self.sqs.create_queue(
                QueueName=name, Attributes={"VisibilityTimeout": str(visibility_seconds)}
            )["QueueUrl"]
            for name in (_QUEUE, _OVERFLOW)
        )
        self.set_max_receives(MAX_RECEIVES)
        self._sns.create_topic(Name=TOPIC.rsplit(":", 1)[-1])
        self.s3.create_bucket(Bucket=BUCKET)
        self._ses.create_email_identity(EmailIdentity=MASK_DOMAIN)

    def set_max_receives(self, count: int) -> None:
        """Have the queues deliver a message so often before they dead-letter it."""
        dead_letters = f"arn:aws:sqs:{REGION}:123456789012:{_DEAD_LETTERS}"
        redrive = {"deadLetterTargetArn": dead_letters, "maxReceiveCount": count}
        for url in (self.queue_url, self.overflow_queue_url):
            self.sqs.set_queue_attributes(
                QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(redrive)}
            )

    def use_overflow(self) -> None:
        """Let the relay have an overflow queue: take `environ` after this call."""
        self._has_overflow = True

    def publish_send_events(self) -> None:
        """From now on publish an event of each sent mail, also if its sender got no answer.

        The relay must know it: take `environ` after this call.
        """
        self._publishes = True
        to = Destination(TOPIC, self.signer, _QUEUE)
        self._ask("PUT", CONTROL_PATH, to.to_json())

    def reset(self) -> None:
        """Drop everything, and set up again, without events."""
        self._publishes = False
        self._ask("POST", self._RESET)
        self.set_up()

    def stop(self) -> None:
        """Stop the server."""
        self._server.stop()

    def environ(self) -> dict[str, str]:
        """Return the settings that point the relay's processes to this server."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_SQS_EMAIL_QUEUE_URL": self.queue_url,
            "AWS_SQS_EMAIL_OVERFLOW_QUEUE_URL": self.overflow_queue_url * self._has_overflow,
            "AWS_SQS_EMAIL_DLQ_URL": self.dead_letter_queue_url,
            "AWS_SNS_TOPIC": TOPIC,
            "AWS_SNS_CERTIFICATE_DIR": str(self.certificates),
            "AWS_S3_EMAIL_BUCKET": BUCKET,
            "AWS_SES_SEND_EVENTS": str(self._publishes).lower(),
            "MASK_DOMAINS": MASK_DOMAIN,
            "REPLIES_ADDRESS": f"replies@{MASK_DOMAIN}",
            "RELAY_FROM_ADDRESS": f"relay@{MASK_DOMAIN}",
        }

    def deliver(self, raw: bytes, recipients: Sequence[str], **verdicts: str) -> str:
        """Receive a mail as SES would; returns the id of its SQS message."""
        key = uuid.uuid4().hex
        self._store(key, raw)
        received = ses.received_in_s3(raw, recipients, bucket=BUCKET, key=key, **verdicts)
        return self.notify(received)

    def notify(self, notice: dict[str, Any], message_id: str | None = None) -> str:
        """Put a notification of SES into the queue, in a signed envelope."""
        return self.put(self._envelope(notice, message_id))

    def put(self, body: str) -> str:
        """Put any text into the queue; returns the id of its SQS message."""
        return self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=body)["MessageId"]

    def count_left(self) -> int:
        """Count all messages that are not done with, in the queue and in the overflow queue."""
        return self.count(self.queue_url) + self.count(self.overflow_queue_url)

    def count(self, queue_url: str) -> int:
        """Count all messages in a queue: visible, delayed and hidden."""
        answer = self.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])
        return sum(
            int(value)
            for name, value in answer["Attributes"].items()
            if name.startswith("ApproximateNumberOfMessages")
        )

    def message_ids(self, queue_url: str) -> set[str]:
        """Return the ids of up to ten visible messages of a queue, and leave them visible."""
        answer = self.sqs.receive_message(
            QueueUrl=queue_url, MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        return {message["MessageId"] for message in answer.get("Messages", [])}

    def stored_mails(self) -> list[str]:
        """List the mails that are still in S3."""
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    @abstractmethod
    def sent(self) -> list[SentMail]:
        """List the mails that SES accepted to send, oldest first."""

    def _start(self, host: str, port: int, log: Path) -> Server:
        command = [sys.executable, "-m", self._MODULE, "--host", host, "--port", str(port)]
        process = Process("aws", command, self._server_environ(), log)
        process.wait_until(lambda: is_listening(port))
        return process

    def _store(self, key: str, raw: bytes) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=raw)

    def _envelope(self, notice: dict[str, Any], message_id: str | None = None) -> str:
        return json.dumps(self.signer.sign(notification(TOPIC, json.dumps(notice), message_id)))

    def _server_environ(self) -> dict[str, str]:
        # This package isn't installed, so the process needs its path.
        return passed_on() | {"PYTHONPATH": str(_ROOT)}

    def _ask(self, method: str, path: str, given: Any = None) -> Any:
        """Call the server's own API beside AWS's; JSON in, JSON out."""
        body = None if given is None else json.dumps(given).encode()
        request = Request(f"{self.endpoint}{path}", body, method=method)
        with self._http.open(request) as answer:
            return json.load(answer)


class LocalAws(SimulatedAws):
    """moto's server."""

    _MODULE = "tools.local.moto"
    _RESET = "/moto-api/reset"

    def sent(self) -> list[SentMail]:
        """List the mails that SES accepted to send, oldest first."""
        data = self._ask("GET", "/moto-api/data.json")
        return [_sent_mail(raw) for raw in data.get("ses", {}).get("RawMessage", [])]

    def deliver(self, raw: bytes, recipients: Sequence[str], **verdicts: str) -> str:
        """Receive a mail. Verifies subdomains one by one: moto, unlike SES, requires it."""
        for domain in {address.rpartition("@")[2].lower() for address in recipients}:
            if domain.endswith(f".{MASK_DOMAIN}"):
                self._ses.create_email_identity(EmailIdentity=domain)
        return super().deliver(raw, recipients, **verdicts)


def _session() -> boto3.Session:
    core = CoreSession({"profile": _NOT_SET, "config_file": _NO_FILE, "credentials_file": _NO_FILE})
    core.set_credentials("test", "test")
    return boto3.Session(botocore_session=core, region_name=REGION)


def _sent_mail(raw: dict[str, Any]) -> SentMail:
    # moto's SES v2 records each destination twice.
    recipients = tuple(dict.fromkeys(raw["destinations"]))
    return SentMail(raw["source"], recipients, raw["raw_data"].encode(), raw["id"])
