"""A proxy in front of SQS that counts how often each message is received, and can lose answers."""

import json
from collections import Counter

from tests.gate import Gate

RECEIVE, DELETE = "ReceiveMessage", "DeleteMessageBatch"


class SqsGate(Gate):
    """`receives`: how often each message was received. `lost`: operations without an answer."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.receives: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.lost: set[str] = set()

    def _pass_on(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int | None, dict[str, str], bytes]:
        status, answered, content = super()._pass_on(method, path, headers, body)
        operation = headers.get("X-Amz-Target", "").rpartition(".")[2]
        self.calls[operation] += 1
        if operation == RECEIVE and status == 200:
            for message in json.loads(content).get("Messages", []):
                self.receives[message["MessageId"]] += 1
        if operation in self.lost:
            return None, {}, b""
        return status, answered, content
