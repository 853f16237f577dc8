"""`manage.py retries`: which messages are being retried, why, and when they run again.

Lists ids, actor, queue, failed attempts, the last one's reason, since when, and the next attempt:
its time, or what the message waits for. With `--now`, messages that wait for a time run at once;
what waits for a circuit breaker doesn't. Needs Redis, and no database.

Exits with 1 if a message that `--now` names doesn't run.
"""

import json
from argparse import ArgumentTypeError
from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from redis.exceptions import RedisError

from relay.operations.dead_letters.filters import read_id
from relay.operations.management.redis_away import redis_away
from relay.operations.retries import handling
from relay.operations.retries.now import Result, try_now
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
        parser.add_argument(
            "--now", nargs="+", type=_id, metavar="ID", help="let these run at once"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object per line")

    def handle(self, *args: Any, now: list[str] | None, **options: Any) -> None:
        """List them, or let some run."""
        try:
            if now:
                self._try_now(now)
            else:
                self._list(**options)
        except RedisError as error:
            raise redis_away(error) from error

    def _try_now(self, ids: list[str]) -> None:
        tried = try_now(ids)
        for one in tried:
            self.stdout.write(f"{one.id}: {one.result}")
        failed = sum(one.result is not Result.NOW for one in tried)
        if failed:
            raise CommandError(f"{failed:,} of {len(tried):,} don't run now.")

    def _list(self, *, reason: str, limit: int, json: bool, **_: Any) -> None:
        found = handling.find()
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


def _id(text: str) -> str:
    try:
        return read_id(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r}: {error}") from error


def _line(fields: dict[str, Any]) -> str:
    next_at = fields["next_at"] or f"waits for {fields['waits_for']}"
    shown = fields | {"next_at": next_at}
    del shown["waits_for"]
    return "  ".join(str("-" if value in (None, "") else value) for value in shown.values())
