"""`manage.py retries`: which messages are being retried, why, and when they run again.

Lists ids, actor, queue, failed attempts, the last one's reason, since when, and the next attempt:
its time, or what the message waits for. Needs Redis, and no database.
"""

import json
from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from redis.exceptions import RedisError

from relay.operations.management.redis_away import redis_away
from relay.operations.retries import handling
from relay.operations.retries.retry import Retry, as_json
from runtime.arguments import positive


class Command(BaseCommand):
    """List what is being retried."""

    help = __doc__
    requires_system_checks: list[str] = []  # noqa: RUF012 - declared so by Django

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--reason", default="", help="only those that failed so last")
        parser.add_argument(
            "--limit", type=positive, default=100, metavar="N", help="list at most N; default 100"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object per line")

    def handle(self, *args: Any, reason: str, limit: int, json: bool, **_: Any) -> None:
        """List them."""
        try:
            found = handling.find()
        except RedisError as error:
            raise redis_away(error) from error
        chosen = found.of(reason)
        self._write(chosen[:limit], is_json=json)
        if not chosen and not json:
            self.stdout.write(f"Nothing is being retried{' for this reason' if reason else ''}.")
        if limit < len(chosen):
            self.stderr.write(f"{limit:,} of {len(chosen):,} shown: --limit N shows more.")
        if found.left_out:
            self.stderr.write(found.left_out)

    def _write(self, retries: Iterable[Retry], *, is_json: bool) -> None:
        for one in retries:
            fields = as_json(one)
            self.stdout.write(json.dumps(fields) if is_json else _line(fields))


def _line(fields: dict[str, Any]) -> str:
    next_at = fields["next_at"] or f"waits for {fields['waits_for']}"
    shown = fields | {"next_at": next_at}
    del shown["waits_for"]
    return "  ".join(str("-" if value in (None, "") else value) for value in shown.values())
