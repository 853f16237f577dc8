"""Long polls of SQS that run during a test."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

_SENT = "before-send.sqs.ReceiveMessage"


@contextmanager
def poll_under_way(sqs: Any, **request: Any) -> Iterator[Future[Any]]:
    """Start a poll in a thread; enter once it was sent and a few later requests were answered."""
    sent = threading.Event()

    def note(**_: object) -> None:
        sent.set()

    sqs.meta.events.register(_SENT, note)
    try:
        with ThreadPoolExecutor(1) as threads:
            poll = threads.submit(sqs.receive_message, **request)
            assert sent.wait(10), "the poll was not sent"
            for _ in range(3):
                sqs.get_queue_attributes(QueueUrl=request["QueueUrl"])
            yield poll
    finally:
        sqs.meta.events.unregister(_SENT, note)
