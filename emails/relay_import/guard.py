"""Recognises the predecessor's own database, where our tables must not be made.

Both projects are Django's, have an app called `emails`, and tables and migrations of the same
names: `migrate` would find ours applied, make none of them, and change the predecessor's.
"""

from typing import Any

from django.core.management import CommandError
from django.db import DatabaseError, connection, connections

from emails.relay_import.schema import APP, TABLE

WHAT_TO_DO = (
    "DATABASE_URL is Firefox Relay's own database; nothing was changed. This relay needs another: "
    "make an empty one, set DATABASE_URL to it and RELAY_SOURCE_DATABASE_URL to this "
    "one, and run `manage.py migrate` and `manage.py import_relay`. See docs/migration.md."
)


def is_predecessors(alias: str = "default") -> bool:
    """Return whether this is the predecessor's database. Raises Django's `DatabaseError`."""
    with connections[alias].cursor() as cursor:
        tables = set(connections[alias].introspection.table_names(cursor))
        if TABLE in tables:
            return True
        if "django_migrations" not in tables:
            return False
        cursor.execute("SELECT count(*) FROM django_migrations WHERE app = %s", [APP])
        return bool(cursor.fetchone()[0])


def refuse_to_migrate(*, using: str, **_: Any) -> None:
    """Stop a migration, also one without checks. Connected to `pre_migrate`.

    Raises `CommandError`.
    """
    if is_predecessors(using):
        raise CommandError(WHAT_TO_DO)


def refuse_if_reachable() -> None:
    """Raise `CommandError` if the database can be reached and is the predecessor's."""
    try:
        is_theirs = is_predecessors()
    except DatabaseError:
        return
    finally:
        connection.close()
    if is_theirs:
        raise CommandError(WHAT_TO_DO)
