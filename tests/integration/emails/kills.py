"""Processes that are killed at any statement, and SES's word of what it had taken until then."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from tests.integration.emails.conftest import Relay, TimeIsOver


@contextmanager
def killed_at(statement: int, *, is_carried_out: bool) -> Iterator[None]:
    """Kill the process at a statement to the database: it says nothing more, not even to clean up.

    In a transaction that statement is undone, too.
    """
    asked = 0

    def wrapper(execute: Any, sql: str, *rest: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked < statement or "SAVEPOINT" in sql:
            return execute(sql, *rest)
        if asked == statement and is_carried_out:
            execute(sql, *rest)
        raise TimeIsOver

    try:
        with connection.execute_wrapper(wrapper):
            yield
    except TimeIsOver:
        pass


def events_arrive(relay: Relay) -> None:
    """SES's `Send` events of all that it took."""
    for number, sent in enumerate(relay.mailer.sent, 1):
        relay.send_notes.sent[dict(sent.tags)["delivery"]] = f"0100-{number:04}"
