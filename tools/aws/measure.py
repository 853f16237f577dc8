"""`python -m tools.aws.measure`: measures the cost of requests to the local AWS servers.

One client uses one connection, without boto3, whose own cost would hide the server's. The kernel
counts CPU time in steps of 10 ms, so each row is measured for a few seconds.
"""

import argparse
import base64
import json
import os
import tempfile
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tools.aws.fast_aws import FastAws
from tools.local.aws import BUCKET, LocalAws, SimulatedAws

SERVERS: dict[str, type[SimulatedAws]] = {"tools.aws": FastAws, "moto": LocalAws}
_BODY = "x" * 5_000
_MAIL = b"From: x7k2@masks.example\r\n\r\n" + b"x" * 15_000
_SEND_MAIL = json.dumps(
    {
        "FromEmailAddress": "x7k2@masks.example",
        "Destination": {"ToAddresses": ["owner@owner.example"]},
        "Content": {"Raw": {"Data": base64.b64encode(_MAIL).decode()}},
    }
).encode()


class Client:
    """A client of one server, with its own queue, which has no dead-letter queue."""

    def __init__(self, aws: SimulatedAws) -> None:
        self._connection = HTTPConnection(aws.endpoint.removeprefix("http://"), timeout=300)
        self._pid = aws.pid
        self._queue_url = aws.sqs.create_queue(QueueName="measured")["QueueUrl"]

    def sqs(self, operation: str, **given: Any) -> Any:
        """Call SQS and return its answer."""
        target = {
            "X-Amz-Target": f"AmazonSQS.{operation}",
            "Content-Type": "application/x-amz-json-1.0",
        }
        body = json.dumps({"QueueUrl": self._queue_url} | given).encode()
        answer = self._ask("POST", "/", body, "sqs", target)
        return json.loads(answer) if answer else {}

    def fill(self, number: int) -> None:
        """Send `number` messages."""
        entries = [{"Id": str(index), "MessageBody": _BODY} for index in range(10)]
        for _ in range(number // 10):
            self.sqs("SendMessageBatch", Entries=entries)

    def receive_ten(self) -> None:
        """Receive ten messages, and leave them visible."""
        self.sqs("ReceiveMessage", MaxNumberOfMessages=10, VisibilityTimeout=0)

    def pass_through(self) -> None:
        """Send, receive and delete one message: three requests."""
        self.sqs("SendMessage", MessageBody=_BODY)
        (message,) = self.sqs("ReceiveMessage")["Messages"]
        self.sqs("DeleteMessage", ReceiptHandle=message["ReceiptHandle"])

    def read_object(self) -> None:
        """Read a mail of 15 KB from S3."""
        self._ask("GET", f"/{BUCKET}/measured", b"", "s3")

    def send_mail(self) -> None:
        """Send a mail of 15 KB."""
        self._ask("POST", "/v2/email/outbound-emails", _SEND_MAIL, "ses")

    def measure(self, call: Callable[[], None], seconds: float) -> tuple[float, float]:
        """Call for about `seconds`; returns per call the milliseconds, and the server's CPU ms."""
        call()
        calls, started, cpu = 0, time.monotonic(), cpu_seconds(self._pid)
        while (elapsed := time.monotonic() - started) < seconds:
            call()
            calls += 1
        return elapsed / calls * 1000, (cpu_seconds(self._pid) - cpu) / calls * 1000

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes,
        service: str,
        headers: dict[str, str] | None = None,
    ) -> bytes:
        # moto takes the service from the credentials' scope.
        scope = f"Credential=test/20260101/us-east-1/{service}/aws4_request"
        sent = {"Authorization": f"AWS4-HMAC-SHA256 {scope}"} | (headers or {})
        self._connection.request(method, path, body, sent)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:200]!r}")
        return content


def cpu_seconds(pid: int) -> float:
    """Read the CPU time of a process, in user and kernel mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tools.aws.measure", description=__doc__)
    parser.add_argument("--depths", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--servers", nargs="+", choices=SERVERS, default=list(SERVERS))
    given = parser.parse_args()
    print("| server | depth | what | calls/s | ms a call | CPU ms a call |")
    print("| --- | --- | --- | --- | --- | --- |")
    for server in given.servers:
        with tempfile.TemporaryDirectory() as folder:
            aws = SERVERS[server](Path(folder))
            try:
                measure(server, aws, given.depths, given.seconds)
            finally:
                aws.stop()


def measure(server: str, aws: SimulatedAws, depths: list[int], seconds: float) -> None:
    """Print the rows of one server."""
    client, depth = Client(aws), 0
    aws.s3.put_object(Bucket=BUCKET, Key="measured", Body=_MAIL)

    def row(what: str, call: Callable[[], None]) -> None:
        wall, cpu = client.measure(call, seconds)
        print(f"| {server} | {depth} | {what} | {1000 / wall:.0f} | {wall:.2f} | {cpu:.2f} |")

    row("read an object", client.read_object)
    row("send a mail", client.send_mail)
    for wanted in depths:
        client.fill(wanted - depth)
        depth = wanted
        row("receive ten", client.receive_ten)
        row("send, receive, delete one", client.pass_through)


if __name__ == "__main__":
    main()
