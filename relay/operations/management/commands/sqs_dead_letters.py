"""`manage.py sqs_dead_letters`: look into SQS's dead-letter queue, and clear it up."""

import json
import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from redis.exceptions import RedisError

from bridge.ports import Queue, QueueUnavailable, QueueUnusable
from emails.values.errors import NotFinished
from relay.operations.dead_letters.redaction import redacted
from relay.operations.management.redis_away import redis_away
from relay.operations.sqs_dead_letters import handling
from relay.operations.sqs_dead_letters.handling import Result
from relay.operations.sqs_dead_letters.judge import FINISHED, Choice, Found
from runtime.arguments import positive


class Command(BaseCommand):
    """List, show, redrive, delete and clear."""

    help = (
        "Look into SQS's dead-letter queue (AWS_SQS_EMAIL_DLQ_URL): why each message is there, "
        "without its mail. Put some back, delete some, or clear those that need nothing more."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare a subcommand for each action."""
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        listing = actions.add_parser("list", help="list them, then how many have each reason")
        _add_choice(listing)
        listing.add_argument("--json", action="store_true", help="print one JSON object per line")
        show = actions.add_parser("show", help="show one, without its mail")
        show.add_argument("ids", nargs=1, metavar="ID")
        show.add_argument("--limit", type=positive, default=1000, metavar="N")
        for action, what in (("redrive", "put them back"), ("delete", "delete them")):
            bulk = actions.add_parser(action, help=what)
            _add_choice(bulk)
            _add_yes(bulk)
        clear = actions.add_parser("clear", help="delete those whose mail was dealt with")
        clear.add_argument("--limit", type=positive, default=10_000, metavar="N")
        _add_yes(clear)

    def handle(self, *, action: str, **options: Any) -> None:
        """Run the action."""
        url = settings.CONFIG.dead_letter_queue_url
        if url is None:
            raise CommandError("AWS_SQS_EMAIL_DLQ_URL is not set: it is the queue to look into.")
        todo: dict[str, Callable[..., None]] = {
            "list": self._list,
            "show": self._show,
            "redrive": self._bulk,
            "delete": self._bulk,
            "clear": self._bulk,
        }
        try:
            dead_letters = handling.connect(url, settings.CONFIG)
            todo[action](dead_letters, action=action, **options)
        except (QueueUnavailable, QueueUnusable) as error:
            raise CommandError(f"SQS can't be used ({error.code}).") from error
        except RedisError as error:
            raise redis_away(error) from error
        except NotFinished as error:
            raise CommandError(f"The database can't be used ({error.reason}).") from error

    def _list(self, dead_letters: Queue, *, limit: int, **options: Any) -> None:
        counted: Counter[str] = Counter()
        judge = handling.make_judge(settings.CONFIG)
        with handling.looking_at(dead_letters, judge, limit) as found:
            for one in found:
                if _is_chosen(one, options):
                    counted[one.reason] += 1
                    self.stdout.write(_line(one, as_json=options["json"]))
        counts = ", ".join(f"{number} {reason}" for reason, number in counted.most_common())
        self.stderr.write(counts or "There are none.")
        if counted.total() == limit:
            self.stderr.write(f"Only {limit} were looked at: --limit N looks at more.")

    def _show(self, dead_letters: Queue, *, ids: list[str], limit: int, **_: Any) -> None:
        judge = handling.make_judge(settings.CONFIG)
        with handling.looking_at(dead_letters, judge, limit) as found:
            one = next((one for one in found if one.message.message_id == ids[0]), None)
        if one is None:
            raise CommandError(f"There is no message {ids[0]} among the first {limit}.")
        fields = _fields(one) | {
            "sns_message_id": one.sns_message_id,
            "notification": redacted(one.notification) if one.notification else None,
        }
        self.stdout.write(json.dumps(fields, indent=2))

    def _bulk(self, dead_letters: Queue, *, action: str, limit: int, **options: Any) -> None:
        if action == "clear":
            options |= {"reason": FINISHED, "ids": []}
        elif not (options["ids"] or options["reason"] or options["all"]):
            raise CommandError(f"Say which to {action}: ids, --reason, or --all.")
        act = self._act(action, dead_letters)
        _confirm(action, options)
        results: Counter[str] = Counter()
        judge = handling.make_judge(settings.CONFIG)
        with handling.looking_at(dead_letters, judge, limit) as found:
            for one in found:
                if _is_chosen(one, options):
                    results[act(one).value] += 1
        done = ", ".join(f"{number} {result}" for result, number in sorted(results.items()))
        self.stdout.write(done or "None matched.")
        if results[Result.FAILED] or (options["ids"] and results.total() < len(options["ids"])):
            raise CommandError("Not all were there, or SQS refused some: list them again.")

    def _act(self, action: str, dead_letters: Queue) -> Callable[[Found], Result]:
        if action != "redrive":
            return lambda one: handling.delete(dead_letters, one)
        url = settings.CONFIG.queue_url
        if url is None:
            raise CommandError("AWS_SQS_EMAIL_QUEUE_URL is not set: it is where they go.")
        queue = handling.connect(url, settings.CONFIG)
        return lambda one: handling.redrive(dead_letters, queue, one)


def _add_choice(parser: ArgumentParser) -> None:
    parser.add_argument("ids", nargs="*", metavar="ID", help="SQS's message ids")
    parser.add_argument("--reason", default="", help="as `list` shows it, or what it begins with")
    parser.add_argument("--all", action="store_true", help="all that are looked at")
    parser.add_argument(
        "--limit", type=positive, default=1000, metavar="N", help="look at most at N; default 1000"
    )


def _add_yes(parser: ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="don't ask for confirmation")


def _confirm(action: str, options: dict[str, Any]) -> None:
    if options["yes"]:
        return
    if not sys.stdin.isatty():
        raise CommandError("There is no terminal to ask for confirmation: add --yes.")
    if input(f"{action.capitalize()} them? [y/N] ").strip().lower() not in ("y", "yes"):
        raise CommandError("Nothing was done.")


def _is_chosen(one: Found, options: dict[str, Any]) -> bool:
    return Choice(frozenset(options["ids"]), options["reason"]).admits(one)


def _fields(one: Found) -> dict[str, Any]:
    return {
        "sqs_message_id": one.message.message_id,
        "reason": one.reason,
        "receives": one.message.receive_count,
        "sent_at": one.sent_at.isoformat(timespec="seconds"),
    }


def _line(one: Found, *, as_json: bool) -> str:
    fields = _fields(one)
    return json.dumps(fields) if as_json else "  ".join(map(str, fields.values()))
