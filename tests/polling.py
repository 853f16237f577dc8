"""Polls of SQS that are under way while something else happens."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

_SENT = "before-send.sqs.ReceiveMessage"


@contextmanager
def poll_under_way(sqs: Any, **request: Any) -> Iterator[Future[Any]]:
    """Receive in a thread; goes on when the poll has left it, and a few other requests passed."""
    leaves = threading.Event()

    def note(**_: object) -> None:
        leaves.set()

    sqs.meta.events.register(_SENT, note)
    try:
        with ThreadPoolExecutor(1) as threads:
            poll = threads.submit(sqs.receive_message, **request)
            assert leaves.wait(10), "no request"
            for _ in range(3):
                sqs.get_queue_attributes(QueueUrl=request["QueueUrl"])
            yield poll
    finally:
        sqs.meta.events.unregister(_SENT, note)
