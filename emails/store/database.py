"""Shared by all queries: mapping the database's failures, and reading the SQL files."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError, connection, connections

from emails.values.errors import MAX_TRIES, NotFinished, Unavailable
from emails.values.outcomes import RetryReason
from runtime.dependencies import Dependency

P = ParamSpec("P")
R = TypeVar("R")

_FOLDER = Path(__file__).parent / "sql"


# The first letters of PostgreSQL's codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
_BUSY = ("55P03", "57014", "40001", "40P01")
_WORLD = ("08", "25006", "28", "3D", "42501", "53", "57P", "58", "F0", "XX")
_UNMIGRATED = ("42P01", "42703")
_NO_CODE = "no_answer"


def raises_not_finished(function: Callable[P, R]) -> Callable[P, R]:
    """Raise `Unavailable` if the database fails, `NotFinished` if a row is locked for too long.

    Errors of our own statements pass through. The next call reconnects.
    """

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except (DatabaseError, InterfaceError) as error:
            failure = _failure(error)
            if failure is None:
                raise
            if not connection.in_atomic_block:
                connection.close()
            raise failure from error

    return wrapper


def _failure(error: Exception) -> NotFinished | None:
    """Map an error of the database; None if our own statement is at fault."""
    code = getattr(error.__cause__, "sqlstate", None) or _NO_CODE
    if code in _BUSY:
        return NotFinished(RetryReason.DATABASE_BUSY, code)
    if code in _UNMIGRATED:
        return Unavailable(
            RetryReason.DATABASE_UNMIGRATED,
            Dependency.CONFIGURATION,
            RetryReason.DATABASE_UNMIGRATED,
            max_tries=MAX_TRIES,
        )
    if code.startswith(_WORLD) or isinstance(error, OperationalError | InterfaceError):
        return _unavailable(code)
    return None


def _unavailable(code: str) -> Unavailable:
    return Unavailable(RetryReason.DATABASE_UNAVAILABLE, Dependency.DATABASE, code)


def name_connections(name: str) -> None:
    """Give this process's next connections a name, by which the database's server knows them."""
    connections.settings["default"].setdefault("OPTIONS", {})["application_name"] = name


def statement(name: str) -> str:
    """Read a statement from `sql/`, without its comment lines."""
    text = (_FOLDER / f"{name}.sql").read_text()
    return "\n".join(line for line in text.splitlines() if not line.startswith("--")).strip()
