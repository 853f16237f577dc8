"""Shared by all queries: mapping the database's failures, and reading the SQL files."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from django.db import InterfaceError, InternalError, OperationalError, connection, connections

from emails.values.errors import NotFinished
from emails.values.outcomes import RetryReason

P = ParamSpec("P")
R = TypeVar("R")

_READ_ONLY = "25006"
"""PostgreSQL's code for a write that a read-only transaction refused."""

_FOLDER = Path(__file__).parent / "sql"


def raises_not_finished(function: Callable[P, R]) -> Callable[P, R]:
    """Raise `NotFinished` if the database is unavailable, read-only or too slow.

    The next call reconnects.
    """

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except (OperationalError, InterfaceError, InternalError) as error:
            if isinstance(error, InternalError) and not _is_read_only(error):
                raise
            if not connection.in_atomic_block:
                connection.close()
            raise NotFinished(RetryReason.DATABASE_UNAVAILABLE) from error

    return wrapper


def name_connections(name: str) -> None:
    """Give this process's next connections a name, by which the database's server knows them."""
    connections.settings["default"].setdefault("OPTIONS", {})["application_name"] = name


def _is_read_only(error: InternalError) -> bool:
    """Return whether the database takes no writes: a standby, or a disk that is almost full."""
    return getattr(error.__cause__, "sqlstate", None) == _READ_ONLY


def statement(name: str) -> str:
    """Read a statement from `sql/`, without its comment lines."""
    text = (_FOLDER / f"{name}.sql").read_text()
    return "\n".join(line for line in text.splitlines() if not line.startswith("--")).strip()
