"""`manage.py running`: which messages the workers run right now.

Lists ids, actor, queue, the attempt's number, since when, for how many seconds, and the worker,
what has run longest first. Of a periodic job Redis knows only that a worker has it. Needs Redis,
and no database.
"""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from redis.exceptions import RedisError

from relay.operations.management.redis_away import redis_away
from relay.operations.running import handling
from relay.operations.running.run import as_json


class Command(BaseCommand):
    """List what the workers run."""

    help = __doc__
    requires_system_checks: list[str] = []  # noqa: RUF012 - declared so by Django

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--json", action="store_true", help="print one JSON object per line")

    def handle(self, *args: Any, json: bool, **_: Any) -> None:
        """List them."""
        try:
            found = handling.find()
        except RedisError as error:
            raise redis_away(error) from error
        for one in found.runs:
            self.stdout.write(_line(as_json(one), is_json=json))
        if not found.runs and not json:
            self.stdout.write("No worker runs a message.")
        if found.notes:
            self.stderr.write(found.notes)


def _line(fields: dict[str, Any], *, is_json: bool) -> str:
    if is_json:
        return json.dumps(fields)
    return "  ".join(str("-" if value in (None, "") else value) for value in fields.values())
