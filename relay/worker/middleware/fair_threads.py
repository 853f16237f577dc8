"""Gives a worker's threads their messages in a fair order, and tells each what it works on."""

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import dramatiq

from emails.wire import INBOUND_QUEUE, SQS_MESSAGE_ID
from relay.worker.work_queue import EXTRA_THREADS, WorkQueue, goes_first
from runtime import lane

_SWITCH_SECONDS = 0.001


class FairThreads(dramatiq.Middleware):
    """Replaces the worker's queue before its threads start; see `work_queue.py`.

    `is_still_first` asks the ledger about the mail with an id.
    """

    def __init__(self, is_still_first: Callable[[str], bool] = lambda message_id: True) -> None:
        self._is_still_first = is_still_first

    def before_worker_boot(self, broker: dramatiq.Broker, worker: Any) -> None:
        """Replace the queue, and add the threads for mail and feedback."""
        worker.work_queue = WorkQueue(worker.worker_threads)
        worker.worker_threads += EXTRA_THREADS

    def after_process_boot(self, broker: dramatiq.Broker) -> None:
        """Let threads take turns more often than every five milliseconds.

        A large mail keeps the interpreter busy, and each other thread waits so long after each of
        its calls to a server.
        """
        sys.setswitchinterval(_SWITCH_SECONDS)

    def before_process_message(self, broker: dramatiq.Broker, message: Any) -> None:
        """Note in this thread whether the message goes before others."""
        lane.goes_first.set(goes_first(message))
        message_id = message.options.get(SQS_MESSAGE_ID)
        is_mail = message.queue_name == INBOUND_QUEUE and message_id is not None
        lane.still_first.set(partial(self._is_still_first, message_id) if is_mail else lambda: True)
