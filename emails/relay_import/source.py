"""Reads the predecessor's database, and can't do anything else with it."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

import psycopg
from psycopg.rows import tuple_row

from emails.relay_import import schema

T = TypeVar("T")

_CONNECT_SECONDS = 5
_ALL = 2**62


class SourceUnavailable(Exception):
    """The predecessor's database can't be read now. The text names no host and no user."""


class SourceRefused(Exception):
    """What we were given can't be imported from; the text says why, and what to do."""


class Source:
    """A connection to the predecessor's database, made when it is first needed.

    Every transaction is read-only. All methods raise `SourceUnavailable`.
    """

    def __init__(self, url: str, statement_seconds: int = 600) -> None:
        self._url = url
        self._statement_ms = statement_seconds * 1000
        self._connection: psycopg.Connection[Any] | None = None

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def require_predecessor(self, *, role_may_write: bool) -> str:
        """Return the database's fingerprint. Raises `SourceRefused` if it is not what we need."""
        try:
            tables = self._fetch("SELECT to_regclass(%(table)s)", {"table": schema.TABLE})
            if tables[0][0] is None:
                raise SourceRefused(
                    "This is not Firefox Relay's database: it has no table "
                    f"{schema.TABLE}. Check RELAY_SOURCE_DATABASE_URL."
                )
            can_write = self._fetch(schema.CAN_WRITE, {"tables": list(schema.READ)})[0][0]
            fingerprint = self._fetch(schema.FINGERPRINT)[0][0]
        except psycopg.errors.UndefinedTable as error:
            raise SourceRefused(f"A table is missing at the source: {_missing(error)}") from error
        except psycopg.errors.InsufficientPrivilege as error:
            raise SourceRefused(
                "The role can't read all tables at the source. Grant it SELECT on "
                + ", ".join(schema.READ)
            ) from error
        if can_write and not role_may_write:
            raise SourceRefused(
                "The role could change the source. Use one with SELECT only, or add "
                "--role-may-write: we only read, either way."
            )
        return str(fingerprint)

    def fetch(self, row: type[T], query: str, where: str, **values: Any) -> list[T]:
        """Fetch rows as values of `row`, whose fields are the columns in order."""
        names = [field.name for field in fields(row)]  # type: ignore[arg-type]
        found = self._fetch(query.format(where=where), values)
        return [row(**dict(zip(names, one, strict=True))) for one in found]

    def fetch_range(
        self, row: type[T], query: str, low: int, high: int | None, limit: int | None = None
    ) -> list[T]:
        """Fetch the rows with ids above `low` up to `high` (None: the last), at most `limit`."""
        end = f" LIMIT {limit}" if limit else ""
        return self.fetch(
            row, query + end, schema.RANGE, low=low, high=_ALL if high is None else high
        )

    def fetch_rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Fetch the rows of a statement without parameters."""
        return self._fetch(sql)

    def fetch_number(self, sql: str) -> int:
        """Fetch one number."""
        return int(self._fetch(sql)[0][0])

    def _fetch(self, sql: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        query: Any = sql  # from schema.py, never from outside
        try:
            with self._connected().cursor(row_factory=tuple_row) as cursor:
                return cursor.execute(query, values).fetchall()
        except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege):
            raise
        except psycopg.Error as error:
            self.close()
            raise SourceUnavailable(error.sqlstate or type(error).__name__) from error

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(
                self._url,
                autocommit=True,
                connect_timeout=_CONNECT_SECONDS,
                options=f"-c default_transaction_read_only=on "
                f"-c statement_timeout={self._statement_ms}",
                tcp_user_timeout=10_000,
                application_name="relay-import",
            )
        return self._connection


def _missing(error: psycopg.Error) -> str:
    return error.diag.message_primary or "unknown"
