"""A stand-in for Firefox Relay's command: receives from the queue, one message at a time.

It follows the rules that matter on a shared queue: a mail to a mask is forwarded and its reply
record written; a reply whose record it has is sent on; whatever else it receives, a reply of a
thread it doesn't know among it, is deleted without a word.
"""

import json
import threading
import uuid
from email import message_from_bytes
from typing import Any

import boto3

from emails.relay_import.reply_record import Unreadable, derive, read
from emails.values.threads import ids_in
from tools.local.firefox_relay import FIRST_DOMAIN, SECOND_DOMAIN, FirefoxRelay


class FirefoxRelayCommand:
    """The command, in a thread. `sent` are the subjects of what it sent on; `ids` by subject."""

    def __init__(self, queue_url: str, endpoint: str, database_url: str) -> None:
        self._url = queue_url
        session = boto3.Session("test", "test", region_name="us-east-1")
        self._sqs: Any = session.client("sqs", endpoint_url=endpoint)
        self._s3: Any = session.client("s3", endpoint_url=endpoint)
        self._website = FirefoxRelay(database_url)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.sent: list[str] = []
        self.ids: dict[str, str] = {}
        self.lost: list[str] = []

    def start(self) -> None:
        """Begin to receive."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the batch, and end."""
        self._stop.set()
        self._thread.join()
        self._website.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            answer = self._sqs.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=1, WaitTimeSeconds=1, VisibilityTimeout=120
            )
            for message in answer.get("Messages", []):
                self._handle(json.loads(json.loads(message["Body"])["Message"]))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])

    def _handle(self, notification: dict[str, Any]) -> None:
        action = notification["receipt"]["action"]
        stored = self._s3.get_object(Bucket=action["bucketName"], Key=action["objectKey"])
        mail = message_from_bytes(stored["Body"].read())
        subject = str(mail["Subject"])
        (recipient,) = notification["receipt"]["recipients"]
        local, _, domain = recipient.partition("@")
        if recipient == f"replies@{FIRST_DOMAIN}":
            is_sent = self._knows(ids_in(str(mail["In-Reply-To"])))
        else:
            is_sent = self._forward(subject, local, 1 if domain == FIRST_DOMAIN else 2, domain)
        (self.sent if is_sent else self.lost).append(subject)

    def _knows(self, quoted: list[str]) -> bool:
        for key in map(derive, quoted):
            sql = "SELECT encrypted_metadata FROM emails_reply WHERE lookup = %s"
            for (metadata,) in self._website.run(sql, key.lookup):
                try:
                    return bool(read(metadata, key))
                except Unreadable:
                    continue
        return False

    def _forward(self, subject: str, local: str, number: int, domain: str) -> bool:
        if domain not in (FIRST_DOMAIN, SECOND_DOMAIN):
            return False
        sql = "SELECT id FROM emails_relayaddress WHERE address = %s AND domain = %s AND enabled"
        found = self._website.run(sql, local, number)
        if not found:
            return False
        self.ids[subject] = f"0100-theirs-{uuid.uuid4().hex}"
        fields = {"from": f"bob-{subject}@sender.example"}
        self._website.add_reply(self.ids[subject], mask=found[0][0], fields=fields)
        return True
