"""Asks the database: does it answer, and has it all migrations?"""

import time

from django.db import connection
from django.db.utils import Error as DatabaseError

from relay.database.checks import find_unmigrated
from relay.operations.judgement.facts import Fault
from relay.operations.judgement.read import FirstSeen, Kept, OfDatabase

_KEPT_SECONDS = 30.0
_MOST_CHARACTERS = 120
_migrated, _seen = Kept(_KEPT_SECONDS), FirstSeen()


def ask_database() -> OfDatabase:
    """Ask it. Takes a few seconds at most when it is away."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        _seen.works()
        return OfDatabase(unmigrated=_migrated(lambda: find_unmigrated(connection)))
    except DatabaseError as error:
        connection.close()
        _migrated.forget()
        return OfDatabase(Fault(_words_of(error), _seen.failing(time.time())))


def _words_of(error: DatabaseError) -> str:
    """Return what kind of error it is, with PostgreSQL's code: its text may name users and hosts.

    psycopg's own text for a connection that failed is host, port and the system's words.
    """
    code = getattr(error.__cause__, "sqlstate", None)
    if code:
        return f"{type(error).__name__} {code}"
    words = str(error).splitlines()[0] if str(error) else ""
    tail = words.rpartition("failed: ")[2] if "failed: " in words else type(error).__name__
    return tail[:_MOST_CHARACTERS]


def forget() -> None:
    """Forget what is kept: another database is asked now."""
    _migrated.forget()
    _seen.works()
