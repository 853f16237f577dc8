"""What a process that uses the database looks at when it starts: is it there, has it all tables?"""

import logging

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import Error as DatabaseError

logger = logging.getLogger(__name__)

MIGRATE = "python manage.py migrate"

_NO_SUCH_DATABASE = "3D000"
_MOST_NAMED = 10


def check_database() -> None:
    """Say what is wrong with the database, and how to mend it. One that is away is no news here."""
    # One of its own: a worker's thread makes its when it has its name (`presence.py`).
    connection = connections.create_connection("default")
    try:
        if lacking := find_unmigrated(connection):
            named = list(lacking[:_MOST_NAMED])
            extra = {"count": len(lacking), "migrations": named, "run": MIGRATE}
            logger.error("database lacks migrations", extra=extra)
    except DatabaseError as error:
        # psycopg gives no SQLSTATE for what fails while connecting, only the server's words.
        name = str(connection.settings_dict["NAME"])
        state = getattr(error.__cause__, "sqlstate", None)
        if state == _NO_SUCH_DATABASE or f'database "{name}" does not exist' in str(error):
            logger.error("database does not exist", extra={"database": name})
    finally:
        connection.close()


def find_unmigrated(connection: BaseDatabaseWrapper) -> tuple[str, ...]:
    """Name the migrations that have not been applied."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return tuple(f"{migration.app_label}.{migration.name}" for migration, _ in plan)
