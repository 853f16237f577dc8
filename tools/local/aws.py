"""An AWS of our own: a server, with a queue, a bucket, and a stand-in for SES's receiving end.

The servers' SNS signs nothing that verifies, and their SES receives nothing; so what they would do
is done here: store the mail, tell of it in a signed envelope, put that into the queue.
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
from tools.local.signing import Signer, notification

REGION = "us-east-1"
TOPIC = f"arn:aws:sns:{REGION}:123456789012:ses-inbound"
BUCKET = "mails"
MASK_DOMAIN = "masks.example"
MAX_RECEIVES = 3
_QUEUE, _DEAD_LETTERS = "mail", "mail-dead-letters"

# Neither a proxy, nor a profile that this machine's own AWS is used with, leads to a local server.
_DIRECT = Config(proxies={})
_NOT_SET = (None, None, None, None)
_NO_FILE = (None, None, os.devnull, None)


@dataclass(frozen=True, slots=True)
class SentMail:
    """A mail that was given to SES to send."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    ses_id: str


class Server(Protocol):
    """What listens."""

    @property
    def pid(self) -> int:
        """The id of the process that it runs in."""

    def stop(self) -> object:
        """Stop it."""


class SimulatedAws(ABC):
    """A server that plays AWS, as a process, set up for the relay; `deliver` is what SES would do.

    It listens for this machine alone, on a free port, unless it is told otherwise.
    """

    _MODULE: ClassVar[str]
    """What to run; it takes `--host` and `--port`."""
    _RESET: ClassVar[str]
    """The path that makes it forget everything."""

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
        self.queue_url = self.dead_letter_queue_url = ""
        self.set_up()

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._server.pid

    def set_up(self, visibility_seconds: int = 30) -> None:
        """Make the queue with its dead-letter queue, the bucket, and the identities of SES."""
        self.dead_letter_queue_url = self.sqs.create_queue(QueueName=_DEAD_LETTERS)["QueueUrl"]
        dead_letters = f"arn:aws:sqs:{REGION}:123456789012:{_DEAD_LETTERS}"
        redrive = {"deadLetterTargetArn": dead_letters, "maxReceiveCount": MAX_RECEIVES}
        self.queue_url = self.sqs.create_queue(
            QueueName=_QUEUE,
            Attributes={
                "RedrivePolicy": json.dumps(redrive),
                "VisibilityTimeout": str(visibility_seconds),
            },
        )["QueueUrl"]
        self._sns.create_topic(Name=TOPIC.rsplit(":", 1)[-1])
        self.s3.create_bucket(Bucket=BUCKET)
        self._ses.create_email_identity(EmailIdentity=MASK_DOMAIN)

    def reset(self) -> None:
        """Forget everything, and set up anew."""
        self._ask("POST", self._RESET)
        self.set_up()

    def stop(self) -> None:
        """Stop the server."""
        self._server.stop()

    def environ(self) -> dict[str, str]:
        """Give the settings that lead the relay's processes here."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_SQS_EMAIL_QUEUE_URL": self.queue_url,
            "AWS_SQS_EMAIL_DLQ_URL": self.dead_letter_queue_url,
            "AWS_SNS_TOPIC": TOPIC,
            "AWS_SNS_CERTIFICATE_DIR": str(self.certificates),
            "AWS_S3_EMAIL_BUCKET": BUCKET,
            "MASK_DOMAINS": MASK_DOMAIN,
            "REPLIES_ADDRESS": f"replies@{MASK_DOMAIN}",
            "RELAY_FROM_ADDRESS": f"relay@{MASK_DOMAIN}",
        }

    def deliver(self, raw: bytes, recipients: Sequence[str], **verdicts: str) -> str:
        """Receive a mail as SES would; gives the id of the SQS message that tells of it."""
        key = uuid.uuid4().hex
        self._store(key, raw)
        told = ses.received_in_s3(raw, recipients, bucket=BUCKET, key=key, **verdicts)
        return self.notify(told)

    def notify(self, told: dict[str, Any], message_id: str | None = None) -> str:
        """Publish a notification of SES: signed, in the queue."""
        return self.put(self._envelope(told, message_id))

    def put(self, body: str) -> str:
        """Put any text into the queue; gives the id of its SQS message."""
        return self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=body)["MessageId"]

    def count(self, queue_url: str) -> int:
        """Count all messages in a queue: visible, delayed and hidden."""
        answer = self.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])
        return sum(
            int(value)
            for name, value in answer["Attributes"].items()
            if name.startswith("ApproximateNumberOfMessages")
        )

    def message_ids(self, queue_url: str) -> set[str]:
        """Give the ids of a queue's visible messages, ten at most, and leave them visible."""
        answer = self.sqs.receive_message(
            QueueUrl=queue_url, MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        return {message["MessageId"] for message in answer.get("Messages", [])}

    def stored_mails(self) -> list[str]:
        """List the mails that are still in S3."""
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    @abstractmethod
    def sent(self) -> list[SentMail]:
        """List what SES was given to send, oldest first."""

    def _start(self, host: str, port: int, log: Path) -> Server:
        command = [sys.executable, "-m", self._MODULE, "--host", host, "--port", str(port)]
        process = Process("aws", command, self._server_environ(), log)
        process.wait_until(lambda: is_listening(port))
        return process

    def _store(self, key: str, raw: bytes) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=raw)

    def _envelope(self, told: dict[str, Any], message_id: str | None = None) -> str:
        return json.dumps(self.signer.sign(notification(TOPIC, json.dumps(told), message_id)))

    def _server_environ(self) -> dict[str, str]:
        return passed_on()

    def _ask(self, method: str, path: str, given: Any = None) -> Any:
        """Ask the server for what AWS does not offer; JSON in, JSON out."""
        body = None if given is None else json.dumps(given).encode()
        request = Request(f"{self.endpoint}{path}", body, method=method)
        with self._http.open(request) as answer:
            return json.load(answer)


class LocalAws(SimulatedAws):
    """moto's server."""

    _MODULE = "moto.server"
    _RESET = "/moto-api/reset"

    def sent(self) -> list[SentMail]:
        """List what SES was given to send, oldest first."""
        data = self._ask("GET", "/moto-api/data.json")
        return [_sent_mail(raw) for raw in data.get("ses", {}).get("RawMessage", [])]

    def deliver(self, raw: bytes, recipients: Sequence[str], **verdicts: str) -> str:
        """Receive a mail. A verified domain's subdomains are verified to SES, and not to moto."""
        for domain in {address.rpartition("@")[2].lower() for address in recipients}:
            if domain.endswith(f".{MASK_DOMAIN}"):
                self._ses.create_email_identity(EmailIdentity=domain)
        return super().deliver(raw, recipients, **verdicts)


def _session() -> boto3.Session:
    core = CoreSession({"profile": _NOT_SET, "config_file": _NO_FILE, "credentials_file": _NO_FILE})
    core.set_credentials("test", "test")
    return boto3.Session(botocore_session=core, region_name=REGION)


def _sent_mail(raw: dict[str, Any]) -> SentMail:
    # moto's SES v2 notes each destination twice.
    recipients = tuple(dict.fromkeys(raw["destinations"]))
    return SentMail(raw["source"], recipients, raw["raw_data"].encode(), raw["id"])
