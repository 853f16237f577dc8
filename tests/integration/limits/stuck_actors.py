"""Actors that hang in different ways. Loaded by the tests' worker processes."""

import re
import socket
import time

import dramatiq

from emails.wire import FEEDBACK_QUEUE

_HOPELESS = re.compile(r"(a+)+$")


@dramatiq.actor(queue_name=FEEDBACK_QUEUE)
def python_loop() -> None:
    """Loops in Python: TimeLimit's exception ends it."""
    while True:
        pass


@dramatiq.actor(queue_name=FEEDBACK_QUEUE)
def sleeping() -> None:
    """Blocks in a C call that releases the GIL."""
    time.sleep(600)


@dramatiq.actor(queue_name=FEEDBACK_QUEUE)
def reading() -> None:
    """Reads from a silent socket."""
    ours, theirs = socket.socketpair()
    ours.recv(1)
    theirs.close()


@dramatiq.actor(queue_name=FEEDBACK_QUEUE)
def matching() -> None:
    """Blocks in a C call that holds the GIL: no thread runs, no signal is handled."""
    _HOPELESS.match("a" * 60 + "!")


@dramatiq.actor(queue_name=FEEDBACK_QUEUE)
def quick() -> None:
    """Returns at once."""
