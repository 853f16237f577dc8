"""`manage.py dead_letters`: list, show, requeue and delete dead letters."""

import json
import logging
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from redis.exceptions import RedisError
from rich.console import Console
from rich.progress import track

from emails.values.errors import NotFinished
from relay.operations.dead_letters import audit, formatting, handling
from relay.operations.dead_letters.filters import (
    QUEUES,
    Filters,
    read_age,
    read_id,
    read_mask,
    read_reason,
)
from relay.operations.dead_letters.handling import Handled
from relay.operations.dead_letters.letter import DeadLetter
from relay.operations.management.redis_away import redis_away
from relay.operations.models import REVEAL
from runtime.arguments import positive

T = TypeVar("T")


class Command(BaseCommand):
    """List, show, requeue or delete dead letters."""

    help = "List, show, requeue or delete dead letters: messages that will not be tried again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare a subcommand for each action."""
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        _add_list(actions.add_parser("list", help="list them, newest first"))
        _add_show(actions.add_parser("show", help="show one, without its mail"))
        requeue = actions.add_parser("requeue", help="requeue them")
        _add_bulk(requeue)
        requeue.add_argument(
            "--even-if-old",
            action="store_true",
            help="also requeue messages sent more than "
            f"{handling.REQUEUE_WITHIN.days} days ago. The database may have forgotten who has "
            "received the mail, so it may be sent twice",
        )
        _add_bulk(actions.add_parser("was-sent", help="end those in doubt: they were sent"))
        _add_bulk(actions.add_parser("was-not-sent", help="send those in doubt: they were not"))
        _add_bulk(
            actions.add_parser("delete", help="delete them; messages still in SQS stay there")
        )

    def handle(self, *, action: str, **options: Any) -> None:
        """Run the action."""
        todo: dict[str, Callable[..., None]] = {
            "list": self._list,
            "show": self._show,
            "requeue": self._bulk,
            "was-sent": self._bulk,
            "was-not-sent": self._bulk,
            "delete": self._bulk,
        }
        try:
            with _without_log_of_ids(options["verbosity"]):
                todo[action](action=action, **options)
        except NotFinished as error:
            raise CommandError(f"The database can't be used ({error.reason}).") from error
        except RedisError as error:
            raise redis_away(error) from error

    def _list(self, *, limit: int, **options: Any) -> None:
        found = _chosen(options)
        for letter in islice(found, limit):
            self.stdout.write(_line(formatting.summary(letter), as_json=options["json"]))
        if next(found, None) is not None:
            self.stderr.write(f"{limit} of {_count(options)} shown: --limit N shows more.")

    def _show(self, *, reveal: bool, **options: Any) -> None:
        letter = next(handling.find_by_id(handling.store(), options["ids"]), None)
        if letter is None:
            raise CommandError(f"There is no dead letter {options['ids'][0]}.")
        if reveal:
            audit.record_revealed(_revealer(options["as_user"]), letter)
        attempts = handling.find_attempts(letter)
        details = formatting.details(letter, reveal=reveal, attempts=attempts)
        if options["json"]:
            self.stdout.write(json.dumps(details))
        else:
            self.stdout.write("\n".join(formatting.as_lines(details)))

    def _bulk(self, *, action: str, **options: Any) -> None:
        if not options["all"] and not options["ids"] and not _filters(options).described():
            raise CommandError(f"Say which to {action}: ids, a filter, or --all.")
        if options["all"] and options["ids"]:
            raise CommandError("--all can't be combined with ids.")
        if options["dry_run"]:
            self._list(limit=sys.maxsize, **options)
            return
        number = _count(options)
        if number and not options["yes"]:
            _confirm(f"{action.capitalize()} {number} dead letters? [y/N] ")
        results = Counter({"gone": len(set(options["ids"])) - number} if options["ids"] else {})
        for handled in _with_progress(_handle(action, options), action, number):
            results[handled.result.value] += 1
            if options["json"]:
                fields = formatting.summary(handled.letter) | {"result": handled.result.value}
                self.stdout.write(json.dumps(fields))
        if not options["json"]:
            self.stdout.write(_summary(results))
        if results["in_doubt"]:
            self.stderr.write(
                "Not deleted: those in doubt would come back. Say was-sent or was-not-sent instead."
            )
        if (options["ids"] and results["gone"]) or results["in_doubt"]:
            raise CommandError(_unfinished(results))


@contextmanager
def _without_log_of_ids(verbosity: int) -> Iterator[None]:
    """Keep the log from repeating thousands of ids: the command says what it did."""
    logger = logging.getLogger(handling.__name__)
    level = logger.level
    if verbosity < 2:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _add_list(parser: ArgumentParser) -> None:
    _add_choice(parser)
    parser.add_argument(
        "--limit", type=positive, default=100, metavar="N", help="list at most N; default 100"
    )


def _add_show(parser: ArgumentParser) -> None:
    parser.add_argument("ids", nargs=1, type=_argument(read_id), metavar="ID")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--reveal", action="store_true", help="show the whole notification; this is logged"
    )
    parser.add_argument(
        "--as", dest="as_user", metavar="USERNAME", help=f"the user who looks; needs {REVEAL}"
    )


def _add_bulk(parser: ArgumentParser) -> None:
    _add_choice(parser)
    parser.add_argument("--all", action="store_true", help="all, or all that match the filters")
    parser.add_argument("--dry-run", action="store_true", help="only list the matches")
    parser.add_argument(
        "--yes", "--no-input", action="store_true", help="don't ask for confirmation"
    )


def _add_choice(parser: ArgumentParser) -> None:
    """Declare the ways to choose dead letters."""
    age = _argument(read_age)
    parser.add_argument("ids", nargs="*", type=_argument(read_id), metavar="ID")
    parser.add_argument("--queue", choices=QUEUES, default="")
    parser.add_argument(
        "--reason",
        type=_argument(read_reason),
        help="the full reason, its category, or its detail",
    )
    parser.add_argument("--older-than", type=age, metavar="AGE", help="10m, 3h, 2d since it died")
    parser.add_argument("--newer-than", type=age, metavar="AGE", help="10m, 3h, 2d since it died")
    parser.add_argument(
        "--mask-id", type=_argument(read_mask), metavar="MASK", help="random-12, domain-3"
    )
    parser.add_argument("--sqs-message-id", type=_argument(read_id), metavar="ID")
    parser.add_argument("--sns-message-id", type=_argument(read_id), metavar="ID")
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")


def _argument(read: Callable[[str], T]) -> Callable[[str], T]:
    """Make argparse show `read`'s message for a wrong value."""

    def convert(text: str) -> T:
        try:
            return read(text)
        except ValueError as error:
            raise ArgumentTypeError(f"{text!r}: {error}") from error

    return convert


def _filters(options: dict[str, Any]) -> Filters:
    mask = handling.find_mask(options["mask_id"]) if options["mask_id"] else None
    if options["mask_id"] and mask is None:
        raise CommandError(f"There is no mask {options['mask_id']}.")
    return Filters(
        queue=options["queue"],
        reason=options["reason"] or "",
        older_than=options["older_than"],
        newer_than=options["newer_than"],
        mask=mask,
        sqs_message_id=options["sqs_message_id"] or "",
        sns_message_id=options["sns_message_id"] or "",
    )


def _chosen(options: dict[str, Any]) -> Iterator[DeadLetter]:
    """Find the given ids, or what matches the filters; both together are refused."""
    filters = _filters(options)
    if not options["ids"]:
        return handling.find(handling.store(), filters, datetime.now(UTC))
    if filters.described():
        raise CommandError("Give ids or filters, not both.")
    return handling.find_by_id(handling.store(), options["ids"])


def _count(options: dict[str, Any]) -> int:
    if options["ids"]:
        return sum(1 for _ in _chosen(options))
    return handling.count(handling.store(), _filters(options), datetime.now(UTC))


def _handle(action: str, options: dict[str, Any]) -> Iterator[Handled]:
    letters, found, now = handling.store(), _chosen(options), datetime.now(UTC)
    if action == "delete":
        return handling.delete(letters, found, now)
    if action in ("was-sent", "was-not-sent"):
        return handling.settle_doubt(letters, found, now, was_sent=action == "was-sent")
    return handling.requeue(letters, found, now, even_if_old=options["even_if_old"])


def _with_progress(handled: Iterable[Handled], action: str, number: int) -> Iterable[Handled]:
    console = Console(stderr=True)
    return track(
        handled, description=action, total=number, console=console, disable=not console.is_terminal
    )


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise CommandError("There is no terminal to ask for confirmation: add --yes.")
    if input(question).strip().lower() not in ("y", "yes"):
        raise CommandError("Nothing was done.")


def _revealer(username: str | None) -> Any:
    if username is None:
        raise CommandError("--reveal needs --as USERNAME, which is logged.")
    user = get_user_model().objects.filter(username=username).first()
    if user is None or not user.has_perm(REVEAL):
        raise CommandError(f"There is no such active user with the permission {REVEAL}.")
    return user


def _line(fields: dict[str, Any], *, as_json: bool) -> str:
    if as_json:
        return json.dumps(fields)
    return "  ".join(str("-" if value in (None, "") else value) for value in fields.values())


def _unfinished(results: Counter[str]) -> str:
    said = {"gone": "not there any more", "in_doubt": "in doubt, and left"}
    return ", ".join(f"{results[name]} {words}" for name, words in said.items() if results[name])


def _summary(results: Counter[str]) -> str:
    counts = ", ".join(f"{number} {result}" for result, number in sorted(results.items()) if number)
    return counts or "None matched."
