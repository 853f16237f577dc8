"""What all queries share: how the database's failures are told, and where SQL files lie."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError, connection

from emails.values.errors import NotFinished
from emails.values.outcomes import RetryReason

P = ParamSpec("P")
R = TypeVar("R")

_FOLDER = Path(__file__).parent / "sql"


def translated(function: Callable[P, R]) -> Callable[P, R]:
    """Raise `NotFinished` when the database is away or too slow; the next call connects anew."""

    @functools.wraps(function)
    def translating(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except (OperationalError, InterfaceError) as error:
            if not connection.in_atomic_block:
                connection.close()
            raise NotFinished(RetryReason.DATABASE_UNAVAILABLE) from error

    return translating


def statement(name: str) -> str:
    """Read a statement of `sql/`, without the comment above it."""
    text = (_FOLDER / f"{name}.sql").read_text()
    return "\n".join(line for line in text.splitlines() if not line.startswith("--")).strip()
