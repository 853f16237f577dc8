"""Which message a worker's thread takes next."""

import threading
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

import pytest

from emails.wire import BULK_QUEUE, DEFAULT_QUEUE, FEEDBACK_QUEUE, INBOUND_QUEUE
from relay.worker.work_queue import LARGE, MOST_LARGE, WorkQueue, goes_first


@dataclass
class Message:
    queue_name: str
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class Item:
    message: Message


def put(queue: WorkQueue, *names: str) -> None:
    for name in names:
        large = name == LARGE
        options = {LARGE: 40_000_000} if large else {}
        queue.put(Item(Message(BULK_QUEUE if large else name, options)))


def take(queue: WorkQueue) -> str:
    """Take what a further thread would take, which goes on with it."""
    taken: SimpleQueue[str] = SimpleQueue()

    def run() -> None:
        try:
            message = queue.get(timeout=0).message
            taken.put(LARGE if LARGE in message.options else message.queue_name)
        except Empty:
            taken.put("nothing")
        # Threads that have ended may share an id.
        threading.Event().wait()

    threading.Thread(target=run, daemon=True).start()
    return taken.get()


def run_all(queue: WorkQueue, number: int) -> list[str]:
    """Let one thread run so many, one after another."""
    found = []
    for _ in range(number):
        found.append(queue.get(timeout=0).message.queue_name)
        queue.task_done()
    return found


def test_feedback_comes_first_then_mail_then_bulk() -> None:
    queue = WorkQueue(threads=8)
    put(queue, BULK_QUEUE, INBOUND_QUEUE, DEFAULT_QUEUE, FEEDBACK_QUEUE)
    order = [FEEDBACK_QUEUE, INBOUND_QUEUE, DEFAULT_QUEUE, BULK_QUEUE]
    assert [take(queue) for _ in range(4)] == order


def test_of_many_mails_at_least_every_tenth_start_is_bulk_s() -> None:
    queue = WorkQueue(threads=1)
    put(queue, *[INBOUND_QUEUE] * 40, *[BULK_QUEUE] * 3)
    found = run_all(queue, 40)
    assert [at for at, name in enumerate(found) if name == BULK_QUEUE] == [9, 19, 29]


def test_bulk_alone_has_all_threads() -> None:
    queue = WorkQueue(threads=3)
    put(queue, *[BULK_QUEUE] * 4)
    assert [take(queue) for _ in range(4)] == [BULK_QUEUE] * 3 + ["nothing"]


def test_mail_has_a_thread_when_jobs_and_bulk_have_all_others() -> None:
    queue = WorkQueue(threads=2)
    put(queue, BULK_QUEUE, DEFAULT_QUEUE, BULK_QUEUE)
    assert [take(queue) for _ in range(3)] == [DEFAULT_QUEUE, BULK_QUEUE, "nothing"]
    put(queue, INBOUND_QUEUE, INBOUND_QUEUE)
    assert [take(queue) for _ in range(2)] == [INBOUND_QUEUE, "nothing"]


def test_feedback_has_a_thread_when_mail_has_all_others() -> None:
    queue = WorkQueue(threads=2)
    put(queue, INBOUND_QUEUE, BULK_QUEUE, INBOUND_QUEUE, FEEDBACK_QUEUE, FEEDBACK_QUEUE)
    put(queue, INBOUND_QUEUE, INBOUND_QUEUE)
    assert [take(queue) for _ in range(2)] == [FEEDBACK_QUEUE] * 2
    assert [take(queue) for _ in range(4)] == [INBOUND_QUEUE] * 3 + ["nothing"]
    put(queue, FEEDBACK_QUEUE)
    assert take(queue) == FEEDBACK_QUEUE


def test_large_mails_run_one_at_a_time_and_others_pass_them() -> None:
    queue = WorkQueue(threads=8)
    put(queue, *[LARGE] * (MOST_LARGE + 1), BULK_QUEUE)
    found = [take(queue) for _ in range(MOST_LARGE + 2)]
    assert found == [LARGE] * MOST_LARGE + [BULK_QUEUE, "nothing"]


def test_bulk_runs_in_the_order_in_which_it_came() -> None:
    queue = WorkQueue(threads=8)
    put(queue, BULK_QUEUE, LARGE, BULK_QUEUE)
    assert [take(queue) for _ in range(3)] == [BULK_QUEUE, LARGE, BULK_QUEUE]


def test_a_thread_that_waits_gets_what_comes() -> None:
    queue = WorkQueue(threads=1)
    taken: list[str] = []
    thread = threading.Thread(target=lambda: taken.append(queue.get(timeout=10).message.queue_name))
    thread.start()
    put(queue, BULK_QUEUE)
    thread.join()
    assert taken == [BULK_QUEUE]


def test_what_waits_at_a_stop_can_be_given_back_whatever_runs() -> None:
    queue = WorkQueue(threads=1)
    put(queue, INBOUND_QUEUE, LARGE, BULK_QUEUE)
    take(queue)
    assert queue.qsize() == 2
    assert {queue.get_nowait().message.queue_name for _ in range(2)} == {BULK_QUEUE}
    with pytest.raises(Empty):
        queue.get_nowait()


def test_joining_waits_until_all_has_ended() -> None:
    queue = WorkQueue(threads=1)
    put(queue, INBOUND_QUEUE)
    joining = threading.Thread(target=queue.join)
    joining.start()
    assert queue.unfinished_tasks == 1
    run_all(queue, 1)
    joining.join()
    assert queue.unfinished_tasks == 0


@pytest.mark.parametrize(
    ("queue", "first"),
    [(INBOUND_QUEUE, True), (FEEDBACK_QUEUE, True), (BULK_QUEUE, False), (DEFAULT_QUEUE, False)],
)
def test_what_goes_before_others(queue: str, first: bool) -> None:
    assert goes_first(Message(queue)) is first
