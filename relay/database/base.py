"""Connections to PostgreSQL that are closed when an answer doesn't come in time.

`statement_timeout` is kept by the server, so it doesn't help when the server is silent.
`tcp_user_timeout` and keepalives help only against a peer whose kernel is silent, too: a frozen
server, or a proxy that has lost its own, goes on acknowledging what it never answers. psycopg waits
for such a server without end.

The statement may have been carried out, as whenever a connection is lost; Django raises
`OperationalError` in both cases. Django finds this module by its name: `ENGINE = "relay.database"`.
"""

import time
from collections.abc import Generator
from functools import partial
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg.pq import TransactionStatus


class DatabaseWrapper(base.DatabaseWrapper):
    """Needs one more of Django's OPTIONS, `answer_seconds`: how long each answer may take."""

    def get_connection_params(self) -> dict[str, Any]:
        """Return psycopg's parameters, without our own option."""
        parameters: dict[str, Any] = super().get_connection_params()
        self._answer_seconds: float = parameters.pop("answer_seconds")
        return parameters

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect, which `connect_timeout` limits; all that follows has our limit."""
        connection = super().get_new_connection(conn_params)
        connection.wait = partial(self._wait, connection)
        return connection

    def _wait(
        self, connection: Any, answer: Generator[Any, Any, Any], *args: Any, **options: Any
    ) -> Any:
        """Stand in for `Connection.wait`, through which each answer of the server goes."""
        limited = _within(self._answer_seconds, answer)
        try:
            return psycopg.Connection.wait(connection, limited, *args, **options)
        except BaseException:
            # Too late, or a time limit has interrupted this thread. The answer may still come, and
            # would be taken for that to the next statement. Closing waits for nobody.
            if connection.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.close()
            raise


def _within(seconds: float, answer: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Yield what `answer` yields, and raise when it isn't complete in time.

    psycopg resumes it whenever the socket is ready, and ten times a second when it is not.
    """
    deadline = time.monotonic() + seconds
    try:
        wanted = next(answer)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() >= deadline:
                raise psycopg.OperationalError(f"no answer within {seconds:g} s")
            wanted = answer.send(ready)
    except StopIteration as done:
        return done.value
