"""Actors that don't end, each in another way. Loaded by the worker processes of the tests."""

import re
import socket
import time

import dramatiq

from emails.wire import FEEDBACK_QUEUE

_HOPELESS = re.compile(r"(a+)+$")


@dramatiq.actor(queue_name=FEEDBACK_QUEUE)
def python_loop() -> None:
    """Runs Python code for ever: TimeLimit's exception ends it."""
    while True:
        pass


@dramatiq.actor(queue_name=FEEDBACK_QUEUE)
def sleeping() -> None:
    """Sits in a C call that lets the other threads run."""
    time.sleep(600)


@dramatiq.actor(queue_name=FEEDBACK_QUEUE)
def reading() -> None:
    """Reads from a socket that nothing comes from."""
    ours, theirs = socket.socketpair()
    ours.recv(1)
    theirs.close()


@dramatiq.actor(queue_name=FEEDBACK_QUEUE)
def matching() -> None:
    """Holds the GIL in a C call: no thread runs, no signal is handled."""
    _HOPELESS.match("a" * 60 + "!")


@dramatiq.actor(queue_name=FEEDBACK_QUEUE)
def quick() -> None:
    """Ends at once."""
